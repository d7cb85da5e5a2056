/// \file
/// Examines a plugin file in a child process: loading a library runs its code, which may crash,
/// exit or hang.
#pragma once

#include "core/runtime/base/cancellation.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace etl::app {

/// The result of examining a plugin file.
struct PluginExamination {
  /// A library that the plugin was linked with.
  struct Library {
    std::string name;   ///< "libsqlite3.so.0"
    std::string file;   ///< its path with links resolved; the name often has the version
    bool ours = false;  ///< whether etl uses it as well
  };

  std::filesystem::path file;
  std::string refusal;                 ///< path, reason and remedy; empty = the file is usable
  nlohmann::json stages;               ///< array of runtime::describe_json()
  std::vector<Library> libraries;      ///< of a usable file
  std::vector<std::string> not_found;  ///< names of missing libraries of a refused file
};

/// Loads the file in a child process as a run would, and describes its stages. If the child does
/// not finish, the refusal tells how it ended. Throws Error: cancelled on a stop; transient if no child
/// can be started.
[[nodiscard]] PluginExamination examine_plugin(const std::filesystem::path& file,
                                               const runtime::Cancellation& cancellation);

}  // namespace etl::app
