/// \file
/// The settings of all attempts that one process makes.
#pragma once

#include "core/runtime/attempt/attempt.hpp"
#include "core/runtime/attempt/faults.hpp"
#include "core/runtime/attempt/reject_spools.hpp"
#include "core/runtime/pipeline/pipeline.hpp"

#include <chrono>
#include <functional>

namespace etl::runtime {

struct AttemptSettings {
  RunIdentity run;
  std::size_t readers = 1;       ///< partitions that are read at once
  std::size_t memory_limit = 0;  ///< bytes, of this process
  bool reload = false;
  bool pushdown = true;
  std::int64_t max_rejects = 0;
  std::chrono::milliseconds time_limit{0};  ///< of one attempt; 0 = none
  const etl_slots* slots = nullptr;         ///< shared by all processes of the run
  FaultPlan* faults = nullptr;
  const RejectSpools* rejects = nullptr;  ///< where rejects are kept; nullptr = nowhere
  std::function<void(std::int64_t rows)> on_read = [](std::int64_t) {};
  std::function<void(std::int64_t rows)> on_written = [](std::int64_t) {};
  /// By node: where the reading thread (under its source) and each sink's writer show what they are
  /// working on; nullptr = no observer. Only with one reader.
  Activity* activities = nullptr;
};

/// The settings that follow from [run] of the pipeline file.
[[nodiscard]] AttemptSettings attempt_settings(const Pipeline& pipeline, RunIdentity run);

/// Number of readers for so many partitions: `run.workers`, or one per core.
[[nodiscard]] std::size_t reader_count(const Pipeline& pipeline, std::size_t partitions);

}  // namespace etl::runtime
