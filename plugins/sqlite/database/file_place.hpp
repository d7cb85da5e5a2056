/// \file
/// Where a database file is: what its path leads to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace sqlite {

/// A file, whatever its names are.
struct FileIdentity {
  std::uint64_t device = 0, number = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// Nothing if there is no file.
[[nodiscard]] std::optional<FileIdentity> identity_of(const std::string& path);

/// Throws Error (config, about "path") if the file has several names (hard links): SQLite names its
/// journals after the file, so programs that open it by another name do not see them.
void require_one_name(const std::string& path);

}  // namespace sqlite
