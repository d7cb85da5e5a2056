/// \file
/// Looks at a plugin file from a safe distance: loading a library runs code of it, whatever its
/// header says, and that code may crash, exit or hang.
#pragma once

#include "core/runtime/base/cancellation.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace etl::app {

/// What a plugin file turned out to be.
struct PluginExamination {
  /// A library that the plugin was linked with.
  struct Library {
    std::string name;   ///< "libsqlite3.so.0"
    std::string file;   ///< where it was found, links followed; the name often has its version
    bool ours = false;  ///< the runner uses it as well
  };

  std::filesystem::path file;
  std::string refusal;                 ///< path, reason and what to do; empty = it can be used
  nlohmann::json stages;               ///< a list of runtime::describe_json()
  std::vector<Library> libraries;      ///< of one that can be used
  std::vector<std::string> not_found;  ///< libraries of a refused one, by name
};

/// Loads the file in a child process, as a run would load it, and asks what it offers. A child that
/// does not come to its end is a refusal that says how it ended. Throws Error: cancelled, when the
/// run is to stop; transient, when there can be no child.
[[nodiscard]] PluginExamination examine_plugin(const std::filesystem::path& file,
                                               const runtime::Cancellation& cancellation);

}  // namespace etl::app
