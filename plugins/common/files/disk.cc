#include "plugins/common/files/disk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>

namespace files {
namespace {

// Errors that the next attempt would meet again. A full or failing disk is not among them, because
// space may be freed and the .part is then resumed; nor is ENOENT, because each attempt creates
// the folder.
constexpr std::array lasting_errnos{EACCES, EPERM, EROFS,  ENAMETOOLONG, ENOTDIR,
                                    EISDIR, ELOOP, EINVAL, EFBIG};

}  // namespace

etl::Error file_error(std::string_view doing, const std::filesystem::path& path, int number) {
  const bool lasting =
      std::find(lasting_errnos.begin(), lasting_errnos.end(), number) != lasting_errnos.end();
  std::string what(doing);
  what.append(" ")
      .append(path.string())
      .append(": ")
      .append(std::generic_category().message(number));
  return {lasting ? etl::Code::permanent : etl::Code::transient, what};
}

FileHandle open_file(const std::filesystem::path& path, int flags) {
  FileHandle file(::open(path.c_str(), flags, file_mode));
  if (!file.valid()) throw file_error("cannot open", path, errno);
  return file;
}

void write_all(const FileHandle& file, std::string_view bytes, const std::filesystem::path& path) {
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
  const FileHandle handle = open_file(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (::fsync(handle.get()) != 0) throw file_error("cannot sync", folder, errno);
}

}  // namespace files
