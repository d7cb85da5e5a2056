/// \file
/// Steps on a disk. All throw the file_error() of what failed.
#pragma once

#include "plugins/common/files/file_handle.hpp"

#include <etl/error.hpp>

#include <fcntl.h>
#include <sys/types.h>

#include <filesystem>
#include <string_view>

namespace files {

/// For opening a file to write. O_NOFOLLOW: a symbolic link could redirect our writes.
constexpr int write_flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
/// Of new files.
constexpr mode_t file_mode = 0600;

/// Describes a failed system call on a file; `number` is its errno.
[[nodiscard]] etl::Error file_error(std::string_view doing, const std::filesystem::path& path,
                                    int number);

[[nodiscard]] FileHandle open_file(const std::filesystem::path& path, int flags);
void write_all(const FileHandle& file, std::string_view bytes, const std::filesystem::path& path);
/// Replaces the content of the file.
void write_file(const std::filesystem::path& path, std::string_view bytes);
/// Succeeds if there is no such file.
void remove_file(const std::filesystem::path& path);
/// Makes renames in `folder` durable.
void sync_folder(const std::filesystem::path& folder);

}  // namespace files
