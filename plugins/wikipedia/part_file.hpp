/// \file
/// A file of the cache while it is being downloaded or read.
#pragma once

#include "part_meta.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace wikipedia {

/// A file descriptor, closed by the destructor. Move-only.
class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int fd) : fd_(fd) {}
  FileHandle(FileHandle&& other) noexcept : fd_(other.release()) {}
  FileHandle& operator=(FileHandle&& other) noexcept;
  ~FileHandle();
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }

 private:
  int release() noexcept;
  int fd_ = -1;
};

/// Locks the file behind `file` for this open description only, without waiting, and makes sure
/// that `path` still names it. False if somebody else has it or it was replaced.
[[nodiscard]] bool lock_file(const FileHandle& file, const std::filesystem::path& path);

/// Makes `folder` if it is not there; mode 0700, because what is in it decides what gets loaded.
/// Parents get the usual mode. Throws etl::Error.
void make_cache_dir(const std::filesystem::path& folder);

/// Deletes the private files that killed processes left in `folder`: those with a private file's
/// name that nobody holds locked. Never throws; what cannot be deleted stays.
void sweep_private_files(const std::filesystem::path& folder) noexcept;

/// DIR/NAME.part, locked, with its sidecar; or where another Fetcher holds that, a private file.
/// With the object goes every file that nobody could resume: a private one, an empty one, one
/// without a sidecar.
///
/// The sidecar is only ever touched while the .part is locked. It is written before the first byte
/// and after the .part was emptied, so the two can never speak of different contents.
///
/// Threads: one at a time. Errors: every member that touches the disk throws etl::Error naming the
/// file.
class PartFile {
 public:
  [[nodiscard]] static PartFile open(const std::filesystem::path& folder, const std::string& name);
  PartFile(PartFile&& other) noexcept = default;
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile();

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::int64_t size() const noexcept { return size_; }
  /// Set if there are bytes, and it is known which content they begin.
  [[nodiscard]] const std::optional<PartMeta>& meta() const noexcept { return meta_; }
  /// False once the file was deleted or replaced behind our back.
  [[nodiscard]] bool present() const;

  /// Empties the file; what comes is the content `meta` speaks of, or an unknown one.
  void start_over(std::optional<PartMeta> meta);
  void append(std::string_view bytes);
  /// Deletes file and sidecar.
  void discard();
  /// Gives the complete file its own name, durably; returns that. Nothing but the destructor may
  /// follow.
  [[nodiscard]] std::filesystem::path publish();

 private:
  PartFile(FileHandle file, std::filesystem::path path, std::filesystem::path final_path,
           bool shared);
  [[nodiscard]] static PartFile open_private(const std::filesystem::path& final_path);
  void load_meta();
  void remove_meta();
  [[nodiscard]] std::filesystem::path meta_path() const { return path_.string() + ".meta"; }

  FileHandle file_;
  std::filesystem::path path_;
  std::filesystem::path final_path_;
  bool shared_;        // false: private
  bool gone_ = false;  // discarded, or published
  std::int64_t size_ = 0;
  std::optional<PartMeta> meta_;
};

}  // namespace wikipedia
