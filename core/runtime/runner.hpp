/// \file
/// `etl run`: from a checked pipeline to a summary.
#pragma once

#include "core/runtime/pipeline.hpp"
#include "core/runtime/planner.hpp"
#include "core/runtime/progress.hpp"
#include "core/runtime/summary.hpp"

namespace etl::runtime {

struct RunRequest {
  Selection selection;
  bool reload = false;
  ProgressMode progress = ProgressMode::off;
};

/// Runs the pipeline. Returns what happened, also when partitions failed or the run was stopped.
/// Throws Error (config) when it must not begin: the definition changed, or a target does not fit.
Summary run_pipeline(const Pipeline& pipeline, const RunRequest& request,
                     Cancellation& cancellation, Log& log);

}  // namespace etl::runtime
