/// \file
/// One hour file, from gzip to batches.
#pragma once

#include "inflate.hpp"
#include "page_view_columns.hpp"
#include "page_view_parser.hpp"

#include <etl/batch.hpp>
#include <etl/context.hpp>
#include <etl/partition.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace wikipedia {

/// Where an hour file lies, and who wants to know whether it was good.
struct HourFile {
  std::filesystem::path path;
  std::string shown;              ///< URL or path, for messages
  bool fetched = false;           ///< came over the network: damage may be gone the next time
  std::int64_t hour_seconds = 0;  ///< for the column `hour`
  std::function<void()> on_verified = [] {};  ///< read to its end, checks right
  std::function<void()> on_corrupt = [] {};   ///< damaged
};

/// Streams an hour file as batches of about etl::batch_bytes. Used by one thread at a time; holds
/// about 2 MiB beside the batch, and the rows of the next one, of which it tells `held`.
class PageViewReader {
 public:
  /// Opens the file: throws etl::Error as GzipFile does.
  PageViewReader(HourFile file, std::shared_ptr<const etl::Schema> schema,
                 PageViewParser::Settings settings, etl::Predicate predicate, etl::Task task,
                 etl::HeldMemory held = {}, Decoder decoder = default_decoder());

  /// The next batch; nothing at the end. Throws etl::Error: cancelled when the task is, transient
  /// (fetched) or permanent (local) when the gzip is damaged, naming the file and the damage.
  [[nodiscard]] std::optional<etl::Batch> next();

 private:
  [[nodiscard]] etl::Batch give();
  void tell_memory();
  std::size_t decode();
  [[noreturn]] void refuse(const GzipError& error) const;

  HourFile file_;
  etl::Task task_;
  GzipFile gzip_;
  PageViewParser parser_;
  PageViewColumns columns_;
  etl::HeldMemory held_;
  bool ended_ = false;
};

}  // namespace wikipedia
