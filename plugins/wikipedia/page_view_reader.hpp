/// \file
/// Reading of an hour file, from gzip to batches.
#pragma once

#include "plugins/common/compression/gzip_file.hpp"
#include "plugins/common/files/file_handle.hpp"
#include "plugins/wikipedia/parse/page_view_columns.hpp"
#include "plugins/wikipedia/parse/page_view_parser.hpp"

#include <etl/batch.hpp>
#include <etl/context.hpp>
#include <etl/partition.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace wikipedia {

/// The location of an hour file, and callbacks for the result of reading it.
struct HourFile {
  std::filesystem::path path;
  std::string shown;                          ///< URL or path, for messages
  files::FileHandle fetched;                  ///< the open file, if it was downloaded
  std::int64_t hour_seconds = 0;              ///< for the column `hour`
  std::function<void()> on_verified = [] {};  ///< read to its end and intact
  std::function<void()> on_corrupt = [] {};   ///< damaged, or not an hour file
};

/// Streams an hour file as batches of about etl::batch_bytes. Used by one thread at a time. Holds
/// about 2 MiB and the rows of the next batch, and reports them to `held`.
class PageViewReader {
 public:
  /// Opens the file: throws etl::Error as GzipFile does.
  PageViewReader(HourFile file, std::shared_ptr<const etl::Schema> schema,
                 PageViewParser::Settings settings, etl::Predicate predicate, etl::Task task,
                 etl::HeldMemory held = {},
                 compression::Decoder decoder = compression::default_decoder());

  /// Returns the next batch; nothing at the end. Throws etl::Error: cancelled if the task is;
  /// naming URL or file and the reason if the gzip is damaged, or holds something other than page
  /// views, or nothing but malformed lines: transient if downloaded, since the next download may be
  /// right, else permanent.
  [[nodiscard]] std::optional<etl::Batch> next();

 private:
  [[nodiscard]] etl::Batch take_batch();
  void report_memory();
  std::size_t decode(std::span<char> space);
  void finish();
  [[noreturn]] void refuse(const std::string& why);

  HourFile file_;
  bool fetched_;
  etl::Task task_;
  compression::GzipFile gzip_;
  PageViewParser parser_;
  PageViewColumns columns_;
  etl::HeldMemory held_;
  bool started_ = false;
  bool ended_ = false;
};

}  // namespace wikipedia
