/// \file
/// Describes the machine and the environment for `etl doctor`.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace etl::app {

/// {name: value} of the environment variables that affect etl and are set.
[[nodiscard]] nlohmann::ordered_json environment_json();

/// {system, cores, open_files: {soft, hard}, memory_bytes, memory_limit_bytes, temporary_folder,
/// temporary_free_bytes}. Unknown values and missing limits are null.
[[nodiscard]] nlohmann::ordered_json machine_json();

/// The same as rows of a table: name, value.
[[nodiscard]] std::vector<std::vector<std::string>> machine_table(
    const nlohmann::ordered_json& machine);

/// Conditions that will stop a run sooner or later, each with a remedy.
[[nodiscard]] std::vector<std::string> machine_problems(const nlohmann::ordered_json& machine);

}  // namespace etl::app
