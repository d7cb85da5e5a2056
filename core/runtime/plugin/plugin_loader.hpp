/// \file
/// Finding and loading plugin libraries, and saying exactly why one was refused.
#pragma once

#include <etl/abi.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// A plugin library that passed every check. Loaded for the rest of the process's life: unloading
/// C++ libraries is unsafe (thread-local destructors, unique symbols), so nobody can.
struct LoadedPlugin {
  std::filesystem::path path;
  const etl_plugin* table = nullptr;
};

/// Loads one library and checks its header before anything in it is called. Throws Error (config)
/// whose text says path, reason, both versions where it is about versions, and what to do. Loading
/// the same file again gives the same table.
LoadedPlugin load_plugin(const std::filesystem::path& path);

/// Where plugins are looked for, in order: `given` (--plugin-dir), the folders of $ETL_PLUGIN_PATH
/// (separated by ':'), the folder beside the executable (../lib/etl/plugins). Never the current
/// folder.
struct SearchPath {
  struct Directory {
    std::filesystem::path path;
    std::string origin;  ///< "--plugin-dir", "$ETL_PLUGIN_PATH", "beside the executable"
  };
  std::vector<Directory> directories;

  static SearchPath from(const std::vector<std::filesystem::path>& given,
                         std::string_view environment, const std::filesystem::path& executable);
};

/// Throws Error (config) when `path` is a plugin file or folder that others can write, or whose
/// folder others can write: whoever can write it can run code as this user.
void require_private(const std::filesystem::path& path);

}  // namespace etl::runtime
