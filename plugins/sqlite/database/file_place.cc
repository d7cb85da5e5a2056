#include "plugins/sqlite/database/file_place.hpp"

#include <etl/error.hpp>

#include <sys/stat.h>

namespace sqlite {

std::optional<FileIdentity> identity_of(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) return std::nullopt;
  return FileIdentity{found.st_dev, found.st_ino};
}

void require_one_name(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0 || found.st_nlink < 2) return;
  throw etl::Error::config(path + " has " + std::to_string(found.st_nlink) +
                           " names (hard links), and programs that open it by another one ignore "
                           "its journal, which can corrupt it. Make a copy instead of the link")
      .about("path");
}

}  // namespace sqlite
