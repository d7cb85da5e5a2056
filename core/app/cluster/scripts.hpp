/// \file
/// Scripts and manifests that hand a submission to an engine.
#pragma once

#include "core/app/cluster/submission.hpp"

#include <string>

namespace etl::app {

/// How often a task that ended with exit_retry is restarted.
inline constexpr int restarts_of_task = 3;

/// The tasks of one array of the engine. A task's number is `offset` + index.
struct TaskArray {
  std::size_t offset = 0;
  std::vector<std::size_t> indexes;  ///< ascending

  /// File name in the submission's folder: "job.sh", or "job-1000.sh" for the array that begins
  /// with task 1000.
  [[nodiscard]] std::string script() const;
  /// File name of a task's log, with %a for the index as in sbatch(1): "task-%a.log".
  [[nodiscard]] std::string log() const;
};
/// Puts the tasks to start into arrays whose indexes stay below `most`.
[[nodiscard]] std::vector<TaskArray> arrays_of(const Submission& submission, std::size_t most);

/// A script for sbatch(1).
[[nodiscard]] std::string slurm_script(const Submission& submission, const TaskArray& array);
/// A script that runs the tasks with GNU parallel and continues where it stopped.
[[nodiscard]] std::string parallel_script(const Submission& submission);
/// A List of a ConfigMap with the pipeline file and an Indexed Job, as JSON for kubectl.
[[nodiscard]] std::string kubernetes_manifest(const Submission& submission,
                                              const std::string& image);

/// Numbers as sbatch --array takes them: "0-3,7".
[[nodiscard]] std::string ranges(const std::vector<std::size_t>& ascending);

}  // namespace etl::app
