/// \file
/// A cached file while it is being downloaded or read.
#pragma once

#include "plugins/common/files/file_handle.hpp"
#include "plugins/common/http/part_meta.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace http {

/// Locks `file` for this open file description, without waiting, and checks that `path` still names
/// it. Returns false if the file is locked already or has been replaced.
[[nodiscard]] bool lock_file(const files::FileHandle& file, const std::filesystem::path& path);

/// Deletes the private files of killed processes from `folder`, recognized by their name and by not
/// being locked. Never throws; files that cannot be deleted stay.
void sweep_private_files(const std::filesystem::path& folder) noexcept;

/// DIR/NAME.part, locked, with its sidecar; or a private file if another Fetcher has locked that.
/// The destructor deletes a file that cannot be resumed: private, empty, or without a validator.
///
/// The sidecar is only accessed while the .part is locked. It is written after the .part was
/// emptied and before its first byte, so the two never describe different contents. A content that
/// cannot be resumed has none.
///
/// Threads: one at a time. Every member that accesses the disk throws etl::Error naming the file.
class PartFile {
 public:
  [[nodiscard]] static PartFile open(const std::filesystem::path& folder, const std::string& name);
  PartFile(PartFile&& other) noexcept = default;
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile();

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::int64_t size() const noexcept { return size_; }
  /// The content of which the file holds the beginning; nothing if unknown.
  [[nodiscard]] const std::optional<PartMeta>& meta() const noexcept { return meta_; }
  /// Returns false once another process has deleted or replaced the file.
  [[nodiscard]] bool present() const;

  /// Opens the file once more, for reading; an invalid handle once present() is false.
  [[nodiscard]] files::FileHandle reopen() const;

  /// Empties the file for the content that `meta` describes, or for an unknown one.
  void start_over(std::optional<PartMeta> meta);
  void append(std::string_view bytes);
  /// Deletes file and sidecar.
  void discard();
  /// Renames the complete file to its final name, durably, and returns that. A sidecar of that name
  /// says where it came from: see open_cached(). Only the destructor may follow. REQUIRES: meta().
  [[nodiscard]] std::filesystem::path publish();

 private:
  PartFile(files::FileHandle file, std::filesystem::path path, std::filesystem::path final_path,
           bool shared);
  [[nodiscard]] static PartFile open_private(const std::filesystem::path& final_path);
  void load_meta();
  void remove_meta();
  [[nodiscard]] std::filesystem::path meta_path() const { return path_.string() + ".meta"; }

  files::FileHandle file_;
  std::filesystem::path path_;
  std::filesystem::path final_path_;
  bool shared_;        // false: private
  bool gone_ = false;  // discarded or published
  std::int64_t size_ = 0;
  std::optional<PartMeta> meta_;
};

}  // namespace http
