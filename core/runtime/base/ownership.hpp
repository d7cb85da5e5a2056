/// \file
/// Whether other users could have put, or could replace, a file or folder.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <string>

namespace etl::runtime {

/// Why the file or folder is not trusted: "other users can write to it: chmod go-w PATH", "it
/// belongs to another user (uid 1000)"; empty if only this user and root can change it.
///
/// In a user namespace that does not map root, root's files seem to belong to the kernel's overflow
/// user. They are trusted where this user cannot write.
[[nodiscard]] std::string why_not_private(const std::filesystem::path& path,
                                          const struct stat& found);

}  // namespace etl::runtime
