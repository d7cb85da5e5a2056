/// \file
/// Times that are the same for every task of an array.
#pragma once

#include "core/runtime/pipeline/pipeline.hpp"

namespace etl::app {

/// Throws Error (config) when an option of the file is a time before now, which every task would
/// take for another moment.
void require_fixed_times(const runtime::Pipeline& pipeline);

}  // namespace etl::app
