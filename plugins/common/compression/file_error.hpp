/// \file
/// Conversion of errno to etl::Error.
#pragma once

#include <etl/error.hpp>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace compression {

/// Returns the error `PATH: system message`. Missing if there is no such file, transient if the
/// system may recover before the next attempt, else permanent.
[[nodiscard]] inline etl::Error file_error(const std::filesystem::path& path, int code) {
  std::string message = path.string() + ": " + std::generic_category().message(code);
  switch (code) {
    case ENOENT:
      return etl::Error::missing(std::move(message));
    case EIO:
    case ESTALE:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
      return etl::Error::transient(std::move(message));
    default:
      return etl::Error::permanent(std::move(message));
  }
}

}  // namespace compression
