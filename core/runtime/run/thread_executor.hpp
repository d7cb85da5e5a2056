/// \file
/// Workers as threads of this process: `run.executor = "threads"`.
#pragma once

#include "core/runtime/attempt/attempt_runner.hpp"
#include "core/runtime/schedule/scheduler.hpp"

namespace etl::runtime {

/// Makes the scheduler's attempts, `settings.readers` at once, until it has no more. Throws Error
/// (transient) when not even one thread can be started.
void run_in_threads(const Graph& graph, Scheduler& scheduler, const AttemptSettings& settings,
                    Cancellation& cancellation, Log& log);

}  // namespace etl::runtime
