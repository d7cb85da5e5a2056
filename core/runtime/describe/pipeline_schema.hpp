/// \file
/// The JSON Schema of pipeline files, for editors: `etl schema`.
///
/// Draft 7 (https://json-schema.org/draft-07), which taplo and the editors that are built on it
/// speak. It says what can be said of one value at a time. What concerns several (unknown inputs,
/// cycles, columns, bounds of durations and sizes written as text) is left to `etl validate`.
#pragma once

#include "core/runtime/plugin/stage_registry.hpp"

#include <nlohmann/json.hpp>

namespace etl::runtime {

/// Made from the tables that the parser itself uses: those of the stages and run_options(). The
/// same plugins give the same document. Loads every plugin of the registry.
[[nodiscard]] nlohmann::ordered_json pipeline_schema(const StageRegistry& registry);

}  // namespace etl::runtime
