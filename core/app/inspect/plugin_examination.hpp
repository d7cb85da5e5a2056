/// \file
/// Examines a plugin file in a child process: loading a library runs its code, which may crash,
/// exit or hang.
#pragma once

#include "core/runtime/base/cancellation.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>

namespace etl::app {

/// Loads the file in a child process as a run would. Returns {file, ok, refused, stages, libraries:
/// [{name, file, used_by_etl}], not_found}: `refused` has path, reason and remedy, or how the child
/// ended, and is null for a usable file; the stages are those of runtime::describe_json();
/// `not_found` names missing libraries. Throws Error: cancelled on a stop; transient if no child
/// can be started.
[[nodiscard]] nlohmann::ordered_json examine_plugin(const std::filesystem::path& file,
                                                    const runtime::Cancellation& cancellation);

}  // namespace etl::app
