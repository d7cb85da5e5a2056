/// \file
/// An open file descriptor, and files written so that what was reported as written is.
#pragma once

#include <etl/error.hpp>

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace etl::runtime {

/// Owns a descriptor; moved, not copied.
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

/// `what PATH: why`, of the errno at hand: transient where trying again may help (a full disk is
/// emptied, a limit passes), else permanent.
[[nodiscard]] Error file_error(std::string_view what, const std::filesystem::path& path);

/// Opens, with O_CLOEXEC. Throws file_error().
[[nodiscard]] Descriptor open_file(const std::filesystem::path& path, int flags, mode_t mode = 0);
/// Writes all of it. Throws file_error().
void write_all(const Descriptor& file, std::string_view bytes, const std::filesystem::path& path);
/// The bytes from `offset` on, up to `most`; fewer only at the end. Throws file_error().
[[nodiscard]] std::string read_at(const Descriptor& file, std::size_t offset, std::size_t most,
                                  const std::filesystem::path& path);
/// All of a file. Throws file_error().
[[nodiscard]] std::string read_whole(const std::filesystem::path& path);
/// What was written survives a crash of the machine from here on. Throws file_error().
void sync_file(const Descriptor& file, const std::filesystem::path& path);
/// The same for the names in a folder.
void sync_folder(const std::filesystem::path& path);

}  // namespace etl::runtime
