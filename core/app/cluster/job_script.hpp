/// \file
/// A job as the text that an engine takes.
#pragma once

#include "core/app/cluster/submission.hpp"

#include <string>

namespace etl::app {

/// How often a task that ended with exit_retry is started again.
inline constexpr int restarts_of_task = 3;

/// Tasks that make one array of the engine's: theirs are the numbers `offset` + index.
struct TaskArray {
  std::size_t offset = 0;
  std::vector<std::size_t> indexes;  ///< ascending

  /// In the job's folder: "job.sh", and "job-1000.sh" for the array that begins with task 1000.
  [[nodiscard]] std::string script() const;
  /// The log of a task as sbatch(1) names it, with %a for the index: "task-%a.log".
  [[nodiscard]] std::string log() const;
};
/// The tasks that have anything to do, in arrays whose indexes stay below `most`.
[[nodiscard]] std::vector<TaskArray> arrays_of(const Job& job, std::size_t most);

/// A script for sbatch(1).
[[nodiscard]] std::string slurm_script(const Job& job, const TaskArray& array);
/// A script that runs the tasks with GNU parallel, and goes on where it stopped.
[[nodiscard]] std::string parallel_script(const Job& job);
/// A List of a ConfigMap with the pipeline file and an Indexed Job, as JSON, which kubectl takes.
[[nodiscard]] std::string kubernetes_manifest(const Job& job, const std::string& image);

/// "0-3,7": the array of sbatch.
[[nodiscard]] std::string ranges(const std::vector<std::size_t>& ascending);

}  // namespace etl::app
