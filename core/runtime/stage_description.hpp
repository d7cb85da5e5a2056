/// \file
/// What a stage says of itself: for `etl describe`, `etl plugins` and the reference docs.
#pragma once

#include "core/runtime/stage_registry.hpp"

#include <nlohmann/json.hpp>
#include <string>

namespace etl::runtime {

/// {name, kind, summary, plugin, version, file, transactional, max_writers, options: [...],
/// columns: [...]}
nlohmann::json describe_json(const StageEntry& entry);
std::string describe_text(const StageEntry& entry);
/// A section for docs/plugins: says nothing that differs between machines.
std::string describe_markdown(const StageEntry& entry);

/// Of an option of describe_json(): what stands behind its help text ("required", "default 2", "one
/// of a, b"), and a value that it could have, as in a pipeline file.
std::string option_conditions(const nlohmann::json& option);
std::string option_example(const nlohmann::json& option);

}  // namespace etl::runtime
