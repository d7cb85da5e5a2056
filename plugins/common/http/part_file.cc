#include "plugins/common/http/part_file.hpp"

#include "plugins/common/files/disk.hpp"
#include "plugins/common/http/cached_file.hpp"
#include "plugins/common/http/transfer_errors.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string_view>
#include <utility>

namespace http {
namespace {

/// Removes `mark` and digits from the end of `text`; returns false if it does not end so.
bool take_numbered(std::string_view& text, char mark) {
  const std::size_t last = text.find_last_not_of("0123456789");
  if (last == std::string_view::npos || last + 1 == text.size() || text[last] != mark) return false;
  text = text.substr(0, last);
  return true;
}

/// Returns whether `name` has the form NAME.PID-N.part.
bool is_private_name(std::string_view name) {
  constexpr std::string_view ending = ".part";
  if (!name.ends_with(ending)) return false;
  name.remove_suffix(ending.size());
  return take_numbered(name, '-') && take_numbered(name, '.') && !name.empty();
}

bool is_named(const files::FileHandle& file, const std::filesystem::path& path) {
  struct stat ours {};
  struct stat named {};
  return ::fstat(file.get(), &ours) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

}  // namespace

bool lock_file(const files::FileHandle& file, const std::filesystem::path& path) {
  // Any other errno, as of a file system without locks, counts as locked: that costs a private
  // download, but is safe.
  return ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 && is_named(file, path);
}

void sweep_private_files(const std::filesystem::path& folder) noexcept {
  try {
    for (const auto& each : std::filesystem::directory_iterator(folder)) {
      if (!is_private_name(each.path().filename().string())) continue;
      const files::FileHandle file(::open(each.path().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
      if (file.valid() && lock_file(file, each.path())) ::unlink(each.path().c_str());
    }
  } catch (const std::exception&) {
    return;  // a folder that cannot be listed may still be writable
  }
}

PartFile::PartFile(files::FileHandle file, std::filesystem::path path,
                   std::filesystem::path final_path, bool shared)
    : file_(std::move(file)),
      path_(std::move(path)),
      final_path_(std::move(final_path)),
      shared_(shared) {}

PartFile PartFile::open(const std::filesystem::path& folder, const std::string& name) {
  const std::filesystem::path final_path = folder / name;
  const std::filesystem::path path = final_path.string() + ".part";
  files::FileHandle file = files::open_file(path, files::write_flags);
  if (!lock_file(file, path)) return open_private(final_path);
  PartFile part(std::move(file), path, final_path, true);
  part.load_meta();
  return part;
}

PartFile PartFile::open_private(const std::filesystem::path& final_path) {
  static std::atomic<unsigned> next{0};
  // A name can be taken, since process ids repeat across hosts and containers.
  constexpr int tries = 1000;
  for (int left = tries; left > 0; --left) {
    const std::string suffix =
        "." + std::to_string(::getpid()) + "-" + std::to_string(++next) + ".part";
    const std::filesystem::path path = final_path.string() + suffix;
    files::FileHandle file(::open(path.c_str(), files::write_flags | O_EXCL, files::file_mode));
    if (!file.valid() && errno == EEXIST) continue;
    if (!file.valid()) throw files::file_error("cannot open", path, errno);
    // Locked, so that sweep_private_files() of another process leaves it alone. If the lock is held
    // but the check fails, a sweep came in between and deleted the file. A file system without
    // locks has no sweeps either.
    if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0 && !lock_file(file, path)) continue;
    return {std::move(file), path, final_path, false};
  }
  throw files::file_error("cannot open a private file for", final_path, EEXIST);
}

PartFile::~PartFile() {
  const bool moved_from = !file_.valid();
  const bool resumable = shared_ && meta_ && meta_->resumable() && size_ > 0;
  if (moved_from || gone_ || resumable) return;
  try {
    discard();
  } catch (const etl::Error&) {
    return;  // it takes up space until the file is downloaded again
  }
}

void PartFile::load_meta() {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) throw files::file_error("cannot read", path_, errno);
  std::optional<PartMeta> meta = read_part_meta(meta_path());
  if (!meta || !meta->resumable()) return;
  if (status.st_size == 0 || status.st_size > meta->length) return;
  if (::lseek(file_.get(), 0, SEEK_END) < 0) throw files::file_error("cannot read", path_, errno);
  size_ = status.st_size;
  meta_ = std::move(meta);
}

bool PartFile::present() const { return is_named(file_, path_); }

files::FileHandle PartFile::reopen() const {
  files::FileHandle file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  // Asked after opening: then the name has stood for our file all the time.
  return present() ? std::move(file) : files::FileHandle();
}

void PartFile::start_over(std::optional<PartMeta> meta) {
  remove_meta();
  if (::ftruncate(file_.get(), 0) != 0) throw files::file_error("cannot empty", path_, errno);
  if (::lseek(file_.get(), 0, SEEK_SET) < 0) throw files::file_error("cannot empty", path_, errno);
  size_ = 0;
  if (meta && meta->resumable() && shared_ && present())
    files::write_file(meta_path(), to_text(*meta));
  meta_ = std::move(meta);
}

void PartFile::append(std::string_view bytes) {
  files::write_all(file_, bytes, path_);
  size_ += static_cast<std::int64_t>(bytes.size());
}

void PartFile::discard() {
  remove_meta();
  if (present()) files::remove_file(path_);
  gone_ = true;
}

std::filesystem::path PartFile::publish() {
  if (::fsync(file_.get()) != 0) throw files::file_error("cannot sync", path_, errno);
  // Before the rename: a crash in between leaves a sidecar without a file.
  describe_cached(final_path_, file_, *meta_);
  remove_meta();
  if (!present()) throw files::file_error("cannot rename", path_, ENOENT);
  if (::rename(path_.c_str(), final_path_.c_str()) != 0)
    throw files::file_error("cannot rename", path_, errno);
  gone_ = true;
  files::sync_folder(final_path_.parent_path());
  return final_path_;
}

void PartFile::remove_meta() {
  meta_.reset();
  // If our file has been deleted, the sidecar belongs to its successor.
  if (shared_ && present()) files::remove_file(meta_path());
}

}  // namespace http
