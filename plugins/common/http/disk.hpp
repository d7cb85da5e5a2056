/// \file
/// Steps on the disk of the cache. All throw etl::Error naming the file.
#pragma once

#include "plugins/common/files/file_handle.hpp"

#include <fcntl.h>
#include <sys/types.h>

#include <filesystem>
#include <string_view>

namespace http {

/// For opening a file to write. O_NOFOLLOW: a symbolic link could redirect our writes.
constexpr int write_flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
/// Of new files.
constexpr mode_t file_mode = 0600;

[[nodiscard]] files::FileHandle open_file(const std::filesystem::path& path, int flags);
void write_all(const files::FileHandle& file, std::string_view bytes,
               const std::filesystem::path& path);
/// Replaces the content of the file.
void write_file(const std::filesystem::path& path, std::string_view bytes);
/// Succeeds if there is no such file.
void remove_file(const std::filesystem::path& path);
/// Makes renames in `folder` durable.
void sync_folder(const std::filesystem::path& folder);

}  // namespace http
