/// \file
/// An open file.
#pragma once

#include <unistd.h>

#include <utility>

namespace files {

/// A file descriptor, closed by the destructor. Move-only.
class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int fd) : fd_(fd) {}
  FileHandle(FileHandle&& other) noexcept : fd_(other.release()) {}
  FileHandle& operator=(FileHandle&& other) noexcept {
    const FileHandle old(std::exchange(fd_, other.release()));
    return *this;
  }
  ~FileHandle() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }

 private:
  int release() noexcept { return std::exchange(fd_, -1); }
  int fd_ = -1;
};

}  // namespace files
