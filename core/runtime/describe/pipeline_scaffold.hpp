/// \file
/// `etl new pipeline`: a pipeline file to start from.
#pragma once

#include "core/runtime/plugin/stage_registry.hpp"

#include <string>
#include <vector>

namespace etl::runtime {

/// A pipeline file with these stages: sources into a chain of the filters, in the order given, into
/// every sink. Required options have an example for a value, the others are commented out and show
/// their default; each has its help in front. Throws Error (config) where there is no source or no
/// sink.
std::string pipeline_draft(const std::string& name, const std::vector<const StageEntry*>& stages);

}  // namespace etl::runtime
