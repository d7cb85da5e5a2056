/// \file
/// Spool files: where the rejects of an attempt wait until it is known whether the attempt
/// committed.
///
/// Beside the file of rejects (or inside its folder) is a spool folder, which holds a folder per
/// run in progress, which holds a file per attempt with rejects. A spool file is written while the
/// partition is read, and is complete and on disk before a sink may commit. It is published when a
/// sink has committed, and dropped otherwise; after a crash, the next run decides by the sinks'
/// ledgers.
///
/// Every process of a run holds a shared lock on the run's folder. A process that gets an exclusive
/// lock knows that all of them have ended.
#pragma once

#include "core/runtime/base/descriptor.hpp"
#include "core/runtime/config/reject_path.hpp"
#include "core/runtime/rejects/reject_entry.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace etl::runtime {

/// The first line of a spool file.
struct SpoolHeader {
  std::string pipeline_file;  ///< for messages only
  std::string run_id;
  RejectKey key;
  std::int64_t attempt = 1;
  /// For every sink written to: the stages before it, whose rejects count for it.
  std::map<std::string, std::vector<std::string>> sinks;
  /// Lines of the published file to remove after the commit: rejects that were repaired.
  std::vector<std::string> repaired;
};

/// Formats the header as a line, without line feed.
[[nodiscard]] std::string spool_line(const SpoolHeader& header);
/// Parses a header line. Throws Error (permanent) if it is invalid.
[[nodiscard]] SpoolHeader parse_spool_header(std::string_view line);

/// Why the folder of spool files must not be used: it is none, or other users could have put
/// something there. Empty if it does not exist or is this user's own.
[[nodiscard]] std::string why_untrusted(const std::filesystem::path& spools);

/// A run's folder of spool files, locked while this object exists.
class SpoolFolder {
 public:
  /// Creates and locks the folder. Throws file_error(), and Error (permanent) as why_untrusted().
  SpoolFolder(const RejectPath& rejects, const std::string& run_id);
  /// The folder of a run that has ended, or nothing while a process of the run is alive.
  [[nodiscard]] static std::optional<SpoolFolder> of_dead_run(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// The path of the complete spool file with this number.
  [[nodiscard]] std::filesystem::path file(std::int64_t number) const;
  /// The complete spool files, by number.
  [[nodiscard]] std::vector<std::filesystem::path> files() const;
  /// Removes the folder, unless it holds complete spool files, and the spool folder of all runs if
  /// it is empty then.
  void remove_if_empty() const;

 private:
  SpoolFolder(std::filesystem::path path, Descriptor lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  Descriptor lock_;
};

/// Writes the spool file of one attempt; removes it unless finish() was called. Not thread-safe.
class SpoolWriter {
 public:
  /// Creates no file without an entry, unless `always` is set.
  SpoolWriter(std::filesystem::path file, SpoolHeader header, bool always);
  ~SpoolWriter();
  SpoolWriter(const SpoolWriter&) = delete;
  SpoolWriter& operator=(const SpoolWriter&) = delete;

  void add(const RejectEntry& entry);
  /// Completes the file: flushes it to disk and gives it its name.
  void finish();

 private:
  void open();
  void flush();

  std::filesystem::path file_, part_;
  SpoolHeader header_;
  bool always_;
  bool finished_ = false;
  Descriptor out_;
  std::string buffer_;
};

}  // namespace etl::runtime
