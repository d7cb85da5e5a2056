#include "core/runtime/base/descriptor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace etl::runtime {
namespace {

constexpr std::size_t chunk = std::size_t{1} << 20;

bool is_transient(int code) {
  constexpr std::array codes{ENOSPC, EDQUOT, EIO, EAGAIN, EINTR, EMFILE, ENFILE, ENOMEM, ESTALE};
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

}  // namespace

Descriptor::~Descriptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Error file_error(std::string_view what, const std::filesystem::path& path) {
  const int code = errno;
  return {is_transient(code) ? Code::transient : Code::permanent,
          fmt::format("{} {}: {}", what, path.string(), std::generic_category().message(code))};
}

Descriptor open_file(const std::filesystem::path& path, int flags, mode_t mode) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) throw file_error("cannot open", path);
  return Descriptor(descriptor);
}

void write_all(const Descriptor& file, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw file_error("cannot write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string read_at(const Descriptor& file, std::size_t offset, std::size_t limit,
                    const std::filesystem::path& path) {
  std::string bytes;
  while (bytes.size() < limit) {
    const std::size_t before = bytes.size();
    bytes.resize(before + std::min(chunk, limit - before));
    const ssize_t count = ::pread(file.get(), bytes.data() + before, bytes.size() - before,
                                  static_cast<off_t>(offset + before));
    bytes.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw file_error("cannot read", path);
    if (count == 0) break;
  }
  return bytes;
}

std::string read_whole(const std::filesystem::path& path) {
  return read_at(open_file(path, O_RDONLY), 0, std::string::npos, path);
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder,
                                            const char* extension, std::error_code& failure) {
  std::vector<std::filesystem::path> files;
  std::filesystem::directory_iterator at(folder, failure);
  for (; !failure && at != std::filesystem::directory_iterator(); at.increment(failure)) {
    if (at->path().extension() == extension) files.push_back(at->path());
  }
  std::ranges::sort(files);
  return files;
}

void sync_file(const Descriptor& file, const std::filesystem::path& path) {
  if (::fdatasync(file.get()) != 0) throw file_error("cannot write", path);
}

void sync_folder(const std::filesystem::path& path) {
  const Descriptor folder = open_file(path, O_RDONLY | O_DIRECTORY);
  // Some file systems do not support syncing folders because they need no such call.
  if (::fsync(folder.get()) != 0 && errno != EINVAL) throw file_error("cannot write", path);
}

}  // namespace etl::runtime
