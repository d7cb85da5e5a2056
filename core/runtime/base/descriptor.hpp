/// \file
/// File descriptors, and reading and writing files through them.
#pragma once

#include <etl/error.hpp>

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace etl::runtime {

/// Owns a file descriptor and closes it. Move-only.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;

  [[nodiscard]] int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

/// Describes the current errno as `what PATH: reason`. Transient if a retry may help (a full disk,
/// an exhausted limit), permanent otherwise.
[[nodiscard]] Error file_error(std::string_view what, const std::filesystem::path& path);

/// Opens a file with O_CLOEXEC. Throws file_error().
[[nodiscard]] Descriptor open_file(const std::filesystem::path& path, int flags, mode_t mode = 0);
/// Writes all of `bytes`. Throws file_error().
void write_all(const Descriptor& file, std::string_view bytes, const std::filesystem::path& path);
/// Reads up to `limit` bytes from `offset`; fewer only at the end of the file. Throws
/// file_error().
[[nodiscard]] std::string read_at(const Descriptor& file, std::size_t offset, std::size_t limit,
                                  const std::filesystem::path& path);
/// Reads a whole file. Throws file_error().
[[nodiscard]] std::string read_whole(const std::filesystem::path& path);
/// The files in a folder whose names have this extension (".so"), sorted; `failure` if the folder
/// cannot be read.
[[nodiscard]] std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder,
                                                          const char* extension,
                                                          std::error_code& failure);
/// Flushes a file to disk, so that its contents survive a system crash. Throws file_error().
void sync_file(const Descriptor& file, const std::filesystem::path& path);
/// Does the same for the names in a folder.
void sync_folder(const std::filesystem::path& path);

}  // namespace etl::runtime
