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
  std::vector<std::string> faults = {};                     ///< to inject, as FaultPlan takes them
  std::filesystem::path worker_program = "/proc/self/exe";  ///< of worker processes
};

/// Makes an id that sorts by time and is unique among the runs of a pipeline.
[[nodiscard]] std::string new_run_id();

/// An empty summary with the pipeline's stages and sinks.
[[nodiscard]] Summary new_summary(const Pipeline& pipeline);

/// Runs the pipeline after run_preflight() has reported no errors. Returns a summary also when
/// partitions failed or the run was stopped. Throws Error (config) when a target turns out not to
/// fit.
Summary run_pipeline(const Pipeline& pipeline, Preflight preflight, const RunRequest& request,
                     Cancellation& cancellation, Log& log);

}  // namespace etl::runtime
