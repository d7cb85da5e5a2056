/// \file
/// What `etl doctor` says of the machine and of the environment that it was started in.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace etl::app {

/// {name: value} of the variables that change what etl does, as far as they are set.
[[nodiscard]] nlohmann::ordered_json environment_json();

/// {system, cores, open_files: {soft, hard}, memory_bytes, memory_limit_bytes, temporary_folder,
/// temporary_free_bytes}. What is unknown or without a limit is null.
[[nodiscard]] nlohmann::ordered_json machine_json();

/// The same as lines of {what, how much}.
[[nodiscard]] std::vector<std::vector<std::string>> machine_table(
    const nlohmann::ordered_json& machine);

/// What of it will stop a run sooner or later: what, and what to do.
[[nodiscard]] std::vector<std::string> machine_problems(const nlohmann::ordered_json& machine);

}  // namespace etl::app
