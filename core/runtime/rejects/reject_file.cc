#include "core/runtime/rejects/reject_file.hpp"

#include "core/runtime/base/text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <system_error>

namespace etl::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t chunk = std::size_t{4} << 20;
constexpr std::size_t longest_slug = 120;
constexpr mode_t file_mode = 0666;
constexpr mode_t folder_mode = 0777;

struct stat stat_of(const Descriptor& file, const fs::path& path) {
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) throw file_error("cannot read", path);
  return found;
}

/// Calls `each` with every complete line from `offset` on; returns the offset where they end.
std::size_t whole_lines(const Descriptor& file, std::size_t offset, const fs::path& path,
                        const std::function<void(std::string_view)>& each) {
  std::string bytes;
  while (true) {
    const std::string more = read_at(file, offset + bytes.size(), chunk, path);
    bytes += more;
    const std::size_t end = bytes.rfind('\n') + 1;  // 0 if there is none
    each_line(std::string_view(bytes).substr(0, end), each);
    offset += end;
    bytes.erase(0, end);
    if (more.size() < chunk) return offset;
  }
}

void each_spool_line(const fs::path& spool, const std::function<void(std::string_view)>& each) {
  bool header = true;
  each_line(read_whole(spool), [&](std::string_view line) {
    if (!std::exchange(header, false)) each(line);
  });
}

/// How publications change a file: which lines it keeps and which it gains.
class FileUpdate {
 public:
  explicit FileUpdate(const std::vector<Publication>& publications) : publications_(publications) {
    for (std::size_t i = 0; i < publications.size(); ++i) {
      for (const std::string& stage : publications[i].stages)
        last_[{publications[i].key, stage}] = i;
      for (const std::string& line : publications[i].repaired) ++repaired_[line];
    }
  }

  [[nodiscard]] bool keeps(std::string_view line) {
    const auto repaired = repaired_.find(std::string(line));
    if (repaired != repaired_.end() && repaired->second > 0) {
      --repaired->second;  // of equal lines, drop only as many as were repaired
      return false;
    }
    try {
      const RejectEntry entry = parse_reject(line);
      return !last_.contains({entry.key, entry.stage});
    } catch (const Error&) {
      return true;  // not an entry; readers report it
    }
  }

  [[nodiscard]] std::string new_lines() const {
    std::string text;
    for (std::size_t i = 0; i < publications_.size(); ++i) {
      if (publications_[i].spool.empty()) continue;
      each_spool_line(publications_[i].spool, [&](std::string_view line) {
        const auto last = last_.find({publications_[i].key, parse_reject(line).stage});
        if (last != last_.end() && last->second == i) text.append(line).push_back('\n');
      });
    }
    return text;
  }

 private:
  const std::vector<Publication>& publications_;
  std::map<std::pair<RejectKey, std::string>, std::size_t> last_;
  std::map<std::string, std::size_t> repaired_;
};

/// Writes the updated content of `file` to `scratch` and renames it into place.
void replace(const Descriptor& file, const fs::path& path, const fs::path& scratch,
             const std::vector<Publication>& publications) {
  FileUpdate update(publications);
  const fs::path updated = scratch / "rewritten";
  const Descriptor out = open_file(updated, O_WRONLY | O_CREAT | O_TRUNC, file_mode);
  std::string buffer;
  const auto put = [&](std::string_view line) {
    buffer.append(line).push_back('\n');
    if (buffer.size() < chunk) return;
    write_all(out, buffer, updated);
    buffer.clear();
  };
  if (file) {
    const struct stat before = stat_of(file, path);
    // Keep mode and owner; if this user may not set the owner, the file becomes this user's.
    (void)::fchmod(out.get(), before.st_mode & 07777U);
    if (::fchown(out.get(), before.st_uid, before.st_gid) != 0) errno = 0;
    const auto copy = [&](std::string_view line) {
      if (update.keeps(line)) put(line);
    };
    const std::size_t end = whole_lines(file, 0, path, copy);
    each_line(read_at(file, end, std::string::npos, path), copy);
  }
  buffer += update.new_lines();
  write_all(out, buffer, updated);
  sync_file(out, updated);
  if (::rename(updated.c_str(), path.c_str()) != 0) throw file_error("cannot write", path);
  sync_folder(path.parent_path());
}

void wait_for_lock(const Descriptor& file, const fs::path& path) {
  while (::flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) throw file_error("cannot lock", path);
  }
}

/// Opens and locks the file. Retries if another process has replaced it meanwhile.
Descriptor lock_file(const fs::path& path) {
  while (true) {
    Descriptor file = open_file(path, O_RDWR | O_CREAT | O_APPEND, file_mode);
    wait_for_lock(file, path);
    struct stat there {};
    if (::stat(path.c_str(), &there) == 0 && there.st_ino == stat_of(file, path).st_ino)
      return file;
  }
}

/// Whether the path is on another file system than the folder it is in.
bool is_mount_point(const fs::path& path) {
  struct stat here {};
  struct stat above {};
  return ::stat(path.c_str(), &here) == 0 && ::stat(path.parent_path().c_str(), &above) == 0 &&
         !S_ISDIR(here.st_mode) && here.st_dev != above.st_dev;
}

}  // namespace

RejectFile::RejectFile(RejectPath path, fs::path scratch)
    : path_(std::move(path)), scratch_(std::move(scratch)) {
  if (path_.folder) {
    if (::mkdir(path_.path.c_str(), folder_mode) != 0 && errno != EEXIST)
      throw file_error("cannot create the folder", path_.path);
    (void)open_file(path_.path, O_RDONLY | O_DIRECTORY);
    return;
  }
  std::error_code failure;
  if (fs::exists(path_.path, failure) && !fs::is_regular_file(path_.path, failure))
    throw Error::permanent(path_.path.string() + " is not a regular file");
  (void)open_file(path_.path, O_RDWR | O_CREAT, file_mode);
  const MutexLock lock(mutex_);
  refresh();
}

// ---- reading the published entries --------------------------------------------------------------

void RejectFile::refresh() {
  std::error_code gone;
  if (!fs::exists(path_.path, gone)) {
    known_.clear();
    known_size_ = 0;
    read_ = Descriptor();
    return;
  }
  Descriptor file = open_file(path_.path, O_RDONLY);
  const struct stat now = stat_of(file, path_.path);
  const auto size = static_cast<std::size_t>(now.st_size);
  const bool same = read_ && stat_of(read_, path_.path).st_ino == now.st_ino;
  if (!same || size < known_size_) {
    known_.clear();
    known_size_ = 0;
    read_ = std::move(file);
  }
  if (size == known_size_) return;
  std::set<RejectKey>& known = known_;  // the analysis of locks does not look into the lambda
  known_size_ = whole_lines(read_, known_size_, path_.path, [&](std::string_view line) {
    try {
      known.insert(parse_reject(line).key);
    } catch (const Error&) {
      return;  // not an entry
    }
  });
}

fs::path RejectFile::file_of(const RejectKey& key) const {
  std::string slug = key.partition.substr(0, longest_slug);
  for (char& c : slug) {
    if (!is_letter_or_digit(c) && c != '-' && c != '.' && c != '+') c = '_';
  }
  if (slug.starts_with('.')) slug.front() = '_';
  std::string identity;
  for (const std::string* part : {&key.pipeline, &key.source, &key.partition})
    identity.append(*part).push_back('\0');
  return path_.path /
         fmt::format("{}-{:016x}.jsonl", slug, XXH3_64bits(identity.data(), identity.size()));
}

bool RejectFile::holds(const RejectKey& key) {
  if (path_.folder) {
    std::error_code ignored;
    return fs::exists(file_of(key), ignored);
  }
  const MutexLock lock(mutex_);
  refresh();
  return known_.contains(key);
}

bool RejectFile::cheap(const Publication& publication) {
  return path_.folder || (publication.repaired.empty() && !holds(publication.key));
}

// ---- publishing --------------------------------------------------------------------------------

void RejectFile::publish(const std::vector<Publication>& publications) {
  if (publications.empty()) return;
  const MutexLock lock(turn_);
  if (path_.folder) publish_folder(publications);
  else publish_file(publications);
}

void RejectFile::publish_file(const std::vector<Publication>& publications) {
  const Descriptor file = lock_file(path_.path);
  repair_last_line(file);
  std::set<RejectKey> seen;
  const bool append_only = std::ranges::all_of(publications, [&](const Publication& publication) {
    return cheap(publication) && seen.insert(publication.key).second;
  });
  if (append_only) append(file, publications);
  else replace(file, path_.path, scratch_, publications);
}

void RejectFile::append(const Descriptor& file, const std::vector<Publication>& publications) {
  const std::string lines = FileUpdate(publications).new_lines();
  const off_t before = stat_of(file, path_.path).st_size;
  try {
    write_all(file, lines, path_.path);
    sync_file(file, path_.path);
  } catch (const Error&) {
    (void)!::ftruncate(file.get(), before);  // otherwise the next publication repairs it
    throw;
  }
}

/// A last line without line feed was left by a killed process, a full disk or an editor. Removes it
/// if a spool file still holds it; otherwise it is not ours, and gets its line feed.
void RejectFile::repair_last_line(const Descriptor& file) const {
  const auto size = static_cast<std::size_t>(stat_of(file, path_.path).st_size);
  if (size == 0 || read_at(file, size - 1, 1, path_.path) == "\n") return;
  std::string torn;
  for (std::size_t begin = size; torn.find('\n') == std::string::npos && begin > 0;) {
    begin -= std::min(begin, chunk);
    torn = read_at(file, begin, size - begin, path_.path);
  }
  torn.erase(0, torn.rfind('\n') + 1);
  if (!in_a_spool(torn)) return write_all(file, "\n", path_.path);
  if (::ftruncate(file.get(), static_cast<off_t>(size - torn.size())) != 0)
    throw file_error("cannot write", path_.path);
}

bool RejectFile::in_a_spool(std::string_view torn) const {
  bool found = false;
  std::error_code failure;
  fs::recursive_directory_iterator at(path_.spools(), failure);
  for (; !failure && at != fs::recursive_directory_iterator(); at.increment(failure)) {
    if (at->path().extension() != ".spool") continue;
    try {
      each_spool_line(at->path(), [&](std::string_view line) {
        // Even if complete but for its line feed, the line comes again with its spool file.
        found = found || line.starts_with(torn);
      });
    } catch (const Error&) {
      continue;  // published meanwhile by another process
    }
  }
  return found;
}

void RejectFile::publish_folder(const std::vector<Publication>& publications) {
  const Descriptor folder = open_file(path_.path, O_RDONLY | O_DIRECTORY);
  wait_for_lock(folder, path_.path);
  std::map<fs::path, std::vector<Publication>> files;
  for (const Publication& publication : publications) {
    Publication own = publication;
    own.repaired.clear();
    files[file_of(own.key)].push_back(std::move(own));
    for (const std::string& line : publication.repaired) {
      const RejectKey key = parse_reject(line).key;
      files[file_of(key)].push_back({key, {}, {}, {line}});
    }
  }
  for (const auto& [path, own] : files) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file && errno != ENOENT) throw file_error("cannot open", path);
    if (!file && FileUpdate(own).new_lines().empty()) continue;
    replace(file, path, scratch_, own);
    std::error_code ignored;
    if (fs::file_size(path, ignored) == 0) fs::remove(path, ignored);
  }
}

std::vector<fs::path> published_files(const RejectPath& rejects) {
  if (!rejects.folder) return {rejects.path};
  std::error_code failure;
  std::vector<fs::path> files = files_in(rejects.path, ".jsonl", failure);
  errno = failure.value();
  if (failure) throw file_error("cannot read the folder", rejects.path);
  return files;
}

// ---- checking beforehand ------------------------------------------------------------------------

std::string why_unwritable(const RejectPath& rejects) {
  std::error_code failure;
  const fs::file_status status = fs::status(rejects.path, failure);
  const auto reason = [] { return std::generic_category().message(errno); };
  if (status.type() == fs::file_type::not_found) {
    const fs::path parent = rejects.path.parent_path();
    if (!fs::is_directory(parent, failure))
      return fmt::format("the folder {} does not exist", parent.string());
    if (::access(parent.c_str(), W_OK | X_OK) != 0)
      return fmt::format("cannot write into the folder {}: {}", parent.string(), reason());
    return why_untrusted(rejects.spools());
  }
  if (failure) return fmt::format("cannot access {}: {}", rejects.path.string(), failure.message());
  if (rejects.folder && !fs::is_directory(status))
    return fmt::format("{} is not a folder", rejects.path.string());
  if (!rejects.folder && !fs::is_regular_file(status))
    return fmt::format("{} is not a regular file", rejects.path.string());
  const int wanted = rejects.folder ? W_OK | X_OK : R_OK | W_OK;
  if (::access(rejects.path.c_str(), wanted) != 0)
    return fmt::format("cannot write {}: {}", rejects.path.string(), reason());
  if (!rejects.folder && ::access(rejects.path.parent_path().c_str(), W_OK | X_OK) != 0)
    return fmt::format("cannot write into the folder {}: {}", rejects.path.parent_path().string(),
                       reason());
  if (is_mount_point(rejects.path))
    return fmt::format("{} is a mount point, which cannot be replaced by an updated file",
                       rejects.path.string());
  return why_untrusted(rejects.spools());
}

}  // namespace etl::runtime
