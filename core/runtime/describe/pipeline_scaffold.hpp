/// \file
/// The pipeline file that `etl new pipeline` writes.
#pragma once

#include "core/runtime/plugin/stage_registry.hpp"

#include <string>
#include <vector>

namespace etl::runtime {

/// Makes a pipeline file: all sources feed a chain of the filters, in the order given, which feeds
/// every sink. Required options get an example value, others are commented out with their default;
/// each is preceded by its help. Throws Error (config) without a source or a sink.
std::string pipeline_scaffold(const std::string& name,
                              const std::vector<const StageEntry*>& stages);

}  // namespace etl::runtime
