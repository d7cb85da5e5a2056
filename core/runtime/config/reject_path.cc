#include "core/runtime/config/reject_path.hpp"

#include <system_error>

namespace etl::runtime {

namespace fs = std::filesystem;

RejectPath RejectPath::of(const fs::path& given) {
  std::error_code failure;
  const bool slash = !given.empty() && !given.has_filename();
  fs::path path = slash ? given.parent_path() : given;
  // A file is replaced by renaming another of its file system, which is that of a link's target.
  // fs::weakly_canonical() does not follow a link whose target does not exist yet.
  constexpr int most_links = 40;  // as in the kernel
  for (int i = 0; i < most_links && fs::is_symlink(path, failure); ++i) {
    const fs::path target = fs::read_symlink(path, failure);
    if (failure) break;
    path = path.parent_path() / target;  // an absolute target replaces the folder
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
