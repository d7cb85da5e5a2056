/// \file
/// A pipeline's work cut into the tasks of an engine: what `etl submit` submits.
#pragma once

#include "core/app/cli/session.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/pipeline/preflight.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace etl::app {

/// A partition that a sink lacked when the job was made.
struct Wanted {
  runtime::NodeIndex sink = 0;
  std::size_t planned = 0;       ///< in Job::planned
  std::int64_t recorded_at = 0;  ///< of the ledger's record before; 0 = there was none
};

struct Job {
  std::string pipeline;
  std::string name;                    ///< for the engine: letters, digits and dashes
  std::filesystem::path file;          ///< the pipeline's, absolute
  std::filesystem::path folder;        ///< of script, logs and reports, absolute
  std::filesystem::path work_folder;   ///< where tasks run, absolute: --set paths belong to it
  std::vector<std::string> arguments;  ///< of `etl run FILE`, but for the task and the report
  std::size_t tasks = 1;               ///< shares of the plan
  std::vector<std::size_t> to_start;   ///< the tasks that have anything to do, ascending
  std::size_t at_once = 1;
  std::int64_t workers = 1;  ///< of each task
  std::int64_t memory = 0;   ///< the run's limit of each task, in bytes

  std::vector<runtime::PlannedPartition> planned;
  std::vector<std::size_t> task_of;  ///< of each planned partition
  std::vector<Wanted> wanted;

  [[nodiscard]] std::size_t partitions_to_do() const;
};

/// Throws Error (config) when tasks could not run beside each other: a sink that one host alone can
/// write, or that keeps no ledger; secrets on the command line; more tasks at once than a source
/// has connections.
[[nodiscard]] Job make_job(const Session& session, const runtime::Pipeline& pipeline,
                           const runtime::Preflight& preflight);

/// What nothing is known of, in seconds; and how fast what is known is read. See docs/scaling.md.
inline constexpr double seconds_of_unknown = 10;
inline constexpr double bytes_per_second = 20e6;
/// What a task should last at least, so that starting it costs little.
inline constexpr double seconds_of_task = 10;

}  // namespace etl::app
