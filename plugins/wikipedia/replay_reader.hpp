/// \file
/// Repaired lines of one hour, to batches.
#pragma once

#include "page_view_columns.hpp"
#include "page_view_parser.hpp"

#include <etl/batch.hpp>
#include <etl/context.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace wikipedia {

/// Streams lines that came from an hour file once, were rejected and have been repaired since, as
/// PageViewReader streams the file: the same parser, so the same rows and the same rejects, but
/// that a reject's line is the record's position in the list (from 1), and its offset unknown.
///
/// A record with a line feed in it is no line, and is rejected: it would be taken for two. Reads no
/// file. Used by one thread at a time; the records' bytes must live longer.
class ReplayReader {
 public:
  ReplayReader(std::vector<std::string_view> records, std::int64_t hour_seconds,
               std::shared_ptr<const etl::Schema> schema, PageViewParser::Settings settings,
               etl::Task task, etl::HeldMemory held = {});

  /// The next batch; nothing at the end. Throws etl::Error (cancelled) when the task is.
  [[nodiscard]] std::optional<etl::Batch> next();

 private:
  static void on_reject(void* self, const etl_reject* reject) noexcept;
  [[nodiscard]] static etl_task parser_task(ReplayReader* self);
  std::size_t fill(std::span<char> space);

  std::vector<std::string_view> records_;
  std::size_t record_ = 0;               // the one to be copied next
  std::size_t copied_ = 0;               // bytes of it that have been
  std::vector<std::int64_t> positions_;  // of the parser's lines in the list
  etl::Task task_;
  etl_task parser_task_;  // what the parser tells, for us to say of which record
  PageViewParser parser_;
  PageViewColumns columns_;
  etl::HeldMemory held_;
  bool ended_ = false;
};

}  // namespace wikipedia
