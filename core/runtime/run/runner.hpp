/// \file
/// `etl run`: from a checked pipeline to a summary.
#pragma once

#include "core/runtime/attempt/faults.hpp"
#include "core/runtime/pipeline/pipeline.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/pipeline/preflight.hpp"
#include "core/runtime/schedule/progress.hpp"
#include "core/runtime/schedule/summary.hpp"

namespace etl::runtime {

struct RunRequest {
  Selection selection;
  bool reload = false;
  ProgressMode progress = ProgressMode::off;
  std::vector<std::string> faults = {};  ///< placed on purpose, as FaultPlan takes them
  std::filesystem::path worker_program = "/proc/self/exe";  ///< what worker processes are
};

/// Sorts by time, and is unique enough for the runs of one pipeline.
[[nodiscard]] std::string new_run_id();

/// A summary of nothing yet, with the pipeline's stages and sinks.
[[nodiscard]] Summary new_summary(const Pipeline& pipeline);

/// Runs the pipeline, after run_preflight() reported no errors. Returns what happened, also when
/// partitions failed or the run was stopped. Throws Error (config) when a target turns out not to
/// fit.
Summary run_pipeline(const Pipeline& pipeline, Preflight preflight, const RunRequest& request,
                     Cancellation& cancellation, Log& log);

}  // namespace etl::runtime
