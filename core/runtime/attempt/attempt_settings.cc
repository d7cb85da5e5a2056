#include "core/runtime/attempt/attempt_settings.hpp"

#include <algorithm>
#include <thread>

namespace etl::runtime {

AttemptSettings attempt_settings(const Pipeline& pipeline, RunIdentity run) {
  const auto& file = pipeline.file.run;
  AttemptSettings settings;
  settings.run = std::move(run);
  settings.memory_limit = static_cast<std::size_t>(file.memory_limit);
  settings.pushdown = file.pushdown;
  settings.max_rejects = file.max_rejects;
  settings.time_limit = file.partition_timeout;
  return settings;
}

std::size_t reader_count(const Pipeline& pipeline, std::size_t partitions) {
  const std::int64_t workers = pipeline.file.run.workers;
  return std::min(workers > 0 ? static_cast<std::size_t>(workers)
                              : std::max(1U, std::thread::hardware_concurrency()),
                  partitions);
}

}  // namespace etl::runtime
