#include "plugins/common/files/file_handle.hpp"

#include <unistd.h>

#include <utility>

namespace files {

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  const FileHandle old(std::exchange(fd_, other.release()));
  return *this;
}

FileHandle::~FileHandle() {
  if (fd_ >= 0) ::close(fd_);
}

int FileHandle::release() noexcept { return std::exchange(fd_, -1); }

}  // namespace files
