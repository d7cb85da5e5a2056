#include "plugins/common/http/disk.hpp"

#include "plugins/common/http/transfer_errors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace http {

files::FileHandle open_file(const std::filesystem::path& path, int flags) {
  files::FileHandle file(::open(path.c_str(), flags, file_mode));
  if (!file.valid()) throw file_error("cannot open", path, errno);
  return file;
}

void write_all(const files::FileHandle& file, std::string_view bytes,
               const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw file_error("cannot write", path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  write_all(open_file(path, write_flags | O_TRUNC), bytes, path);
}

void remove_file(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    throw file_error("cannot delete", path, errno);
}

void sync_folder(const std::filesystem::path& folder) {
  const files::FileHandle handle = open_file(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (::fsync(handle.get()) != 0) throw file_error("cannot sync", folder, errno);
}

}  // namespace http
