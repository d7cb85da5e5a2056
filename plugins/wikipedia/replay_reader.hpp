/// \file
/// Reading of repaired lines of an hour.
#pragma once

#include "plugins/wikipedia/parse/page_view_columns.hpp"
#include "plugins/wikipedia/parse/page_view_parser.hpp"

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

/// Streams repaired lines as PageViewReader streams a file, with the same parser and therefore the
/// same rows and rejects. The line of a reject is the position of the record in the list (from 1),
/// and its offset is unknown.
///
/// A record with a line feed would count as two lines, and is rejected. Used by one thread at a
/// time; the bytes of the records must outlive it.
class ReplayReader {
 public:
  ReplayReader(std::vector<std::string_view> records, std::int64_t hour_seconds,
               std::shared_ptr<const etl::Schema> schema, PageViewParser::Settings settings,
               etl::Task task, etl::HeldMemory held = {});

  /// Returns the next batch; nothing at the end. Throws etl::Error (cancelled) if the task is.
  [[nodiscard]] std::optional<etl::Batch> next();

 private:
  static void on_reject(void* self, const etl_reject* reject) noexcept;
  [[nodiscard]] static etl_task parser_task(ReplayReader* self);
  std::size_t fill(std::span<char> space);

  std::vector<std::string_view> records_;
  std::size_t record_ = 0;               // copied next
  std::size_t copied_ = 0;               // bytes of it already copied
  std::vector<std::int64_t> positions_;  // in the list, by line of the parser
  etl::Task task_;
  etl_task parser_task_;  // translates the parser's lines to positions
  PageViewParser parser_;
  PageViewColumns columns_;
  etl::HeldMemory held_;
  bool ended_ = false;
};

}  // namespace wikipedia
