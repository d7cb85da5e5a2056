/// \file
/// Descriptions of stages for `etl describe`, `etl plugins` and the reference docs.
#pragma once

#include "core/runtime/plugin/stage_registry.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace etl::runtime {

/// {name, kind, summary, plugin, version, built_with, abi_minor, file, transactional, max_writers,
/// options: [...], columns: [...], example}. The example is a section of a pipeline file: required
/// options with a value of the right type, then, as comments, the others with their defaults.
nlohmann::json describe_json(const StageEntry& entry);
/// Formats a description for people; takes JSON because it may come from another process.
std::string describe_text(const nlohmann::json& stage);
/// Formats a description for docs/plugins, without anything specific to this machine.
std::string describe_markdown(const nlohmann::json& stage);

/// For an option of describe_json(): the conditions shown after its help text ("required",
/// "default 2", "one of a, b"), and a possible value as TOML, "..." if nothing better is known.
std::string option_conditions(const nlohmann::json& option);
std::string option_example(const nlohmann::json& option);
/// option_example() with the option's name in place of "...".
std::string option_placeholder(const nlohmann::json& option);

}  // namespace etl::runtime
