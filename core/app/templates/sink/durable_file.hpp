#pragma once

#include <etl/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

/// Throws an error that the runner retries, with the operation, the path and errno.
[[noreturn]] inline void fail(const std::string& doing, const std::filesystem::path& path) {
  throw etl::Error::transient("cannot " + doing + " " + path.string() + ": " +
                              std::strerror(errno));
}

/// A new file that is on disk once finish() has returned.
class DurableFile {
 public:
  explicit DurableFile(std::filesystem::path path)
      : path_(std::move(path)),
        descriptor_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
    if (descriptor_ < 0) fail("create", path_);
  }
  DurableFile(DurableFile&& other) noexcept
      : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}
  DurableFile& operator=(DurableFile&&) = delete;
  ~DurableFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  void write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(descriptor_, text.data(), text.size());
      if (written < 0 && errno != EINTR) fail("write", path_);
      if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  void finish() {
    if (::fsync(descriptor_) != 0) fail("write", path_);
    if (::close(std::exchange(descriptor_, -1)) != 0) fail("write", path_);
  }

 private:
  std::filesystem::path path_;
  int descriptor_;
};

inline void write_file(const std::filesystem::path& path, std::string_view text) {
  DurableFile file(path);
  file.write(text);
  file.finish();
}

/// Flushes the entries of a folder to disk.
inline void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) fail("open", folder);
  const int result = ::fsync(descriptor);
  ::close(descriptor);
  if (result != 0) fail("write", folder);
}
