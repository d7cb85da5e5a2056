/// \file
/// Finds and loads plugin libraries, and explains why one is refused.
#pragma once

#include <etl/abi.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// A plugin library that passed every check. Never unloaded: unloading C++ libraries is unsafe
/// (thread-local destructors, unique symbols).
struct LoadedPlugin {
  std::filesystem::path path;
  const etl_plugin* table = nullptr;
};

/// Loads a library and checks its header before calling anything in it. Throws Error (config) with
/// the path, the reason, both versions if they differ, and a remedy. Loading the same file again
/// returns the same table.
LoadedPlugin load_plugin(const std::filesystem::path& path);

/// The folders searched for plugins, in order: `given` (--plugin-dir), the folders of
/// $ETL_PLUGIN_PATH (separated by ':'), the folder beside the executable (../lib/etl/plugins).
/// Never the current folder.
struct SearchPath {
  struct Directory {
    std::filesystem::path path;
    std::string origin;  ///< "--plugin-dir", "$ETL_PLUGIN_PATH", "beside the executable"
  };
  std::vector<Directory> directories;

  static SearchPath from(const std::vector<std::filesystem::path>& given,
                         std::string_view environment, const std::filesystem::path& executable);
};

/// Throws Error (config) if other users can write to the plugin file or folder, or to the file's
/// folder: they could run code as this user.
void require_private(const std::filesystem::path& path);

}  // namespace etl::runtime
