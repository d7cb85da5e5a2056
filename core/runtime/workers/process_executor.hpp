/// \file
/// Workers as processes: `run.executor = "processes"`. What ends a worker costs the partitions it
/// was at an attempt, and nothing else.
#pragma once

#include "core/runtime/attempt/attempt_runner.hpp"
#include "core/runtime/pipeline/pipeline.hpp"
#include "core/runtime/schedule/scheduler.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace etl::runtime {

struct ProcessSettings {
  std::filesystem::path program;  ///< what the workers are
  std::vector<std::string> faults;
  LogLevel log_level = LogLevel::info;
};

/// Makes the scheduler's attempts in `settings.readers` processes until it has no more. Returns the
/// sum of what they had resident at most, in bytes. Throws Error (transient) when nothing can be
/// shared with other processes.
std::int64_t run_in_processes(const Pipeline& pipeline, Scheduler& scheduler,
                              const AttemptSettings& settings, const ProcessSettings& processes,
                              Cancellation& cancellation, Log& log);

}  // namespace etl::runtime
