/// \file
/// What a stage says of itself: for `etl describe`, `etl plugins` and the reference docs.
#pragma once

#include "core/runtime/plugin/stage_registry.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace etl::runtime {

/// {name, kind, summary, plugin, version, built_with, abi_minor, file, transactional, max_writers,
/// options: [...], columns: [...], example}. The example is a part of a pipeline file: what the
/// stage needs with a value of the right type, then, as comments, what it may have with the
/// defaults.
nlohmann::json describe_json(const StageEntry& entry);
/// The same for people. It may come from another process, so there need be no entry here.
std::string describe_text(const nlohmann::json& stage);
/// A section for docs/plugins: says nothing that differs between machines.
std::string describe_markdown(const nlohmann::json& stage);

/// Of an option of describe_json(): what stands behind its help text ("required", "default 2", "one
/// of a, b"), and a value that it could have, as in a pipeline file, where nothing better is known
/// "...".
std::string option_conditions(const nlohmann::json& option);
std::string option_example(const nlohmann::json& option);
/// option_example(), with the option's own name where that leaves dots to be filled in.
std::string option_placeholder(const nlohmann::json& option);

}  // namespace etl::runtime
