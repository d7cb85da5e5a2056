#include "core/runtime/config/reject_path.hpp"

#include <system_error>

namespace etl::runtime {

namespace fs = std::filesystem;

RejectPath RejectPath::of(const fs::path& given) {
  std::error_code failure;
  const bool slash = !given.empty() && !given.has_filename();
  fs::path path = slash ? given.parent_path() : given;
  // A file is replaced by renaming another of its file system, which is that of a link's target.
  if (fs::is_symlink(path, failure)) {
    const fs::path target = fs::weakly_canonical(path, failure);
    if (!failure) path = target;
  }
  const bool folder = slash || fs::is_directory(path, failure);
  return {std::move(path), folder};
}

fs::path RejectPath::spools() const {
  if (folder) return path / ".spool";
  fs::path beside = path;
  return beside += ".d";
}

}  // namespace etl::runtime
