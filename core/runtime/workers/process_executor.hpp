/// \file
/// Workers as processes: `run.executor = "processes"`. A worker that dies costs its partitions one
/// attempt, and nothing else.
#pragma once

#include "core/runtime/attempt/attempt.hpp"
#include "core/runtime/schedule/scheduler.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace etl::runtime {

struct ProcessSettings {
  std::filesystem::path program;  ///< of the workers
  std::vector<std::string> faults;
  LogLevel log_level = LogLevel::info;
};

/// Makes the scheduler's attempts in `settings.readers` processes until it has no more. Returns the
/// sum of their largest resident sets, in bytes. Throws Error (transient) when memory cannot be
/// shared with other processes, or not even one process can be started.
std::int64_t run_in_processes(const Pipeline& pipeline, Scheduler& scheduler,
                              const AttemptSettings& settings, const ProcessSettings& processes,
                              Cancellation& cancellation, Log& log);

}  // namespace etl::runtime
