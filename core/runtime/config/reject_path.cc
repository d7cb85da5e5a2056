#include "core/runtime/config/reject_path.hpp"

#include <system_error>

namespace etl::runtime {

namespace fs = std::filesystem;

RejectPath RejectPath::of(const fs::path& path) {
  std::error_code ignored;
  const bool slash = !path.empty() && !path.has_filename();
  return {slash ? path.parent_path() : path, slash || fs::is_directory(path, ignored)};
}

fs::path RejectPath::spools() const {
  if (folder) return path / ".spool";
  fs::path beside = path;
  return beside += ".d";
}

}  // namespace etl::runtime
