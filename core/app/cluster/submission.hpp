/// \file
/// A pipeline's work cut into the tasks of an engine: what `etl submit` submits.
#pragma once

#include "core/app/cli/session.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/pipeline/preflight.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace etl::app {

/// Options of `etl submit` that decide how the plan is cut and run.
struct SubmitOptions {
  std::string engine;
  SelectionOptions selection;
  std::optional<std::int64_t> tasks;          ///< nothing = according to the work
  std::optional<std::int64_t> tasks_at_once;  ///< nothing = as the pipeline's limits allow
  std::filesystem::path folder;               ///< --job-dir; empty = a new one below etl-jobs
  std::string image;
  bool reload = false;
};

/// A partition that a sink lacked when the submission was made.
struct PendingPartition {
  runtime::NodeIndex sink = 0;
  std::size_t planned = 0;       ///< index in Submission::planned
  std::int64_t recorded_at = 0;  ///< finished_at of the earlier ledger record; 0 = none
};

struct Submission {
  std::string pipeline;
  std::string name;                    ///< for the engine: letters, digits and dashes
  std::filesystem::path file;          ///< the pipeline file, absolute
  std::filesystem::path folder;        ///< of script, logs and reports, absolute
  std::filesystem::path work_folder;   ///< where tasks run, absolute: --set paths refer to it
  std::vector<std::string> arguments;  ///< of `etl run FILE`, without task and report
  std::size_t tasks = 1;               ///< shares of the plan
  std::vector<std::size_t> to_start;   ///< tasks with work to do, ascending
  std::size_t at_once = 1;
  std::int64_t workers = 1;  ///< of each task
  std::int64_t memory = 0;   ///< memory limit of each task's run, in bytes

  std::vector<runtime::PlannedPartition> planned;
  std::vector<std::size_t> task_of;  ///< the task of each planned partition
  std::vector<PendingPartition> pending;

  [[nodiscard]] std::size_t partitions_to_do() const;
};

/// Throws Error (config) if tasks could not run beside each other: a sink that only one host can
/// write to or that keeps no ledger; secrets on the command line; more tasks at once than a source
/// has connections.
[[nodiscard]] Submission make_submission(const CommonOptions& common, const SubmitOptions& options,
                                         const runtime::Pipeline& pipeline,
                                         const runtime::Preflight& preflight);

/// Assumed time for a partition of unknown size, and the assumed speed for the others; see
/// docs/scaling.md.
inline constexpr double seconds_of_unknown = 10;
inline constexpr double bytes_per_second = 20e6;
/// Least duration of a task, so that starting it costs little.
inline constexpr double seconds_of_task = 10;

}  // namespace etl::app
