/// \file
/// Where the rejects of an attempt wait until it is known whether the attempt committed.
///
/// Beside the file of rejects (or inside its folder) lies a spool folder, with a folder for every
/// run in progress, with a file for every attempt that rejected something. A spool file is written
/// while the partition is read, and complete and on disk before a sink may commit. What is in it is
/// published when a sink has committed, and dropped otherwise; after a crash, by whoever comes
/// next, for the sinks' ledgers tell which it is.
///
/// A run's folder is locked (shared) by every process of the run. Who gets it exclusively knows
/// that they are all gone.
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

/// What the first line of a spool file says.
struct SpoolHeader {
  std::string pipeline_file;  ///< for messages alone
  std::string run_id;
  RejectKey key;
  std::int64_t attempt = 1;
  /// For every sink that was written to: the stages on the way to it, whose rejects count for it.
  std::map<std::string, std::vector<std::string>> sinks;
  /// Lines of the published file that go away with the commit: rejects that were repaired.
  std::vector<std::string> repaired;
};

[[nodiscard]] std::string spool_line(const SpoolHeader& header);
/// Throws Error (permanent) when the line is none.
[[nodiscard]] SpoolHeader parse_spool_header(std::string_view line);

/// A run's folder of spool files. Kept locked, but not removed, by this object.
class SpoolFolder {
 public:
  /// Makes it where it is not there. Throws Error as file_error() does.
  SpoolFolder(const RejectPath& rejects, const std::string& run_id);
  /// The folder of a run of which no process is left; nothing while there is one.
  [[nodiscard]] static std::optional<SpoolFolder> of_dead_run(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Where the spool file with this number is once it is complete.
  [[nodiscard]] std::filesystem::path file(std::int64_t number) const;
  /// Complete spool files, in the order of their numbers.
  [[nodiscard]] std::vector<std::filesystem::path> files() const;
  /// Removes what is not a complete spool file, and then the folder, and that of all runs, when
  /// they are empty.
  void remove_if_empty() const;

 private:
  SpoolFolder(std::filesystem::path path, Descriptor lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  Descriptor lock_;
};

/// The spool file of one attempt; used by one thread at a time. Nothing is left of it unless
/// finish() was called.
class SpoolWriter {
 public:
  /// Makes no file before there is something to write, unless `always`.
  SpoolWriter(std::filesystem::path file, SpoolHeader header, bool always);
  ~SpoolWriter();
  SpoolWriter(const SpoolWriter&) = delete;
  SpoolWriter& operator=(const SpoolWriter&) = delete;

  void add(const RejectEntry& entry);
  /// All of it is on disk, under its name.
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
