#include "plugins/common/http/cached_file.hpp"

#include "plugins/common/files/disk.hpp"
#include "plugins/common/http/transfer_errors.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace http {
namespace {

std::int64_t modified_of(const struct stat& status) {
  constexpr std::int64_t nanoseconds = 1'000'000'000;
  return status.st_mtim.tv_sec * nanoseconds + status.st_mtim.tv_nsec;
}

}  // namespace

std::string why_not_private(const std::filesystem::path& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return {};
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    return folder.string() + " belongs to another user (uid " + std::to_string(status.st_uid) +
           "), who could replace files in it: use a folder of your own";
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return "other users can write to " + folder.string() +
           ", and could replace files in it: chmod go-w it, or use another folder";
  }
  return {};
}

void make_cache_dir(const std::filesystem::path& folder) {
  std::error_code error;
  if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), error);
  if (error) throw files::file_error("cannot create", folder.parent_path(), error.value());
  if (::mkdir(folder.c_str(), 0700) == 0) return;
  const int number = errno;
  if (number != EEXIST) throw files::file_error("cannot create", folder, number);
  if (!std::filesystem::is_directory(folder, error))
    throw files::file_error("cannot create", folder, ENOTDIR);
  const std::string why = why_not_private(folder);
  if (!why.empty()) throw etl::Error::permanent("cannot use the cache: " + why);
}

std::optional<CachedFile> open_cached(const std::filesystem::path& folder, const std::string& name,
                                      const std::string& url) {
  if (!why_not_private(folder).empty()) return std::nullopt;
  const std::filesystem::path path = folder / name;
  // O_NONBLOCK, because opening a named pipe would wait for a writer.
  CachedFile found{
      files::FileHandle(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)),
      std::nullopt};
  struct stat status {};
  if (!found.file.valid() || ::fstat(found.file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  const std::filesystem::path sidecar = path.string() + ".meta";
  std::error_code error;
  if (!std::filesystem::exists(std::filesystem::symlink_status(sidecar, error))) return found;
  found.meta = read_part_meta(sidecar);
  const bool described = found.meta && found.meta->url == url &&
                         found.meta->length == status.st_size &&
                         found.meta->modified == modified_of(status);
  if (!described) return std::nullopt;
  return found;
}

void remove_cached(const std::filesystem::path& folder, const std::string& name) {
  files::remove_file(folder / name);
  files::remove_file(folder / (name + ".meta"));
}

void describe_cached(const std::filesystem::path& final_path, const files::FileHandle& file,
                     PartMeta meta) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw files::file_error("cannot read", final_path, errno);
  meta.length = status.st_size;
  meta.modified = modified_of(status);
  files::write_file(final_path.string() + ".meta", to_text(meta));
}

}  // namespace http
