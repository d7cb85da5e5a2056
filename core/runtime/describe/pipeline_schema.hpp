/// \file
/// The JSON Schema of pipeline files, for editors: `etl schema`.
///
/// Uses Draft 7 (https://json-schema.org/draft-07), which taplo and the editors built on it
/// support. Covers single values; `etl validate` checks what depends on several (unknown inputs,
/// cycles, columns) and the bounds of durations and sizes written as text.
#pragma once

#include "core/runtime/plugin/stage_registry.hpp"

#include <nlohmann/json_fwd.hpp>

namespace etl::runtime {

/// Builds the schema from the tables that the parser uses: those of the stages and run_options().
/// The same plugins give the same document. Loads every plugin of the registry.
[[nodiscard]] nlohmann::ordered_json pipeline_schema(const StageRegistry& registry);

}  // namespace etl::runtime
