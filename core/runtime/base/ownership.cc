#include "core/runtime/base/ownership.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace etl::runtime {
namespace {

/// Whether root outside this user namespace is a user inside it: see user_namespaces(7).
bool root_is_mapped() {
  std::ifstream map("/proc/self/uid_map");
  if (!map) return true;  // no user namespaces
  for (std::uint64_t inside = 0, outside = 0, count = 0; map >> inside >> outside >> count;) {
    if (outside == 0 && count > 0) return true;
  }
  return false;
}

/// The owner that files of unmapped users seem to have.
uid_t overflow_user() {
  uid_t user = 65534;  // the kernel's default
  std::ifstream("/proc/sys/fs/overflowuid") >> user;
  return user;
}

bool seems_to_be_of_root(const std::filesystem::path& path, const struct stat& found) {
  return found.st_uid == overflow_user() && !root_is_mapped() && ::access(path.c_str(), W_OK) != 0;
}

}  // namespace

std::string why_not_private(const std::filesystem::path& path, const struct stat& found) {
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fmt::format("other users can write to it: chmod go-w {}", path.string());
  const bool own = found.st_uid == 0 || found.st_uid == ::geteuid();
  if (own || seems_to_be_of_root(path, found)) return {};
  return fmt::format("it belongs to another user (uid {})", found.st_uid);
}

}  // namespace etl::runtime
