/// \file
/// A job as the text that an engine takes.
#pragma once

#include "core/app/job.hpp"

#include <string>

namespace etl::app {

/// How often a task that ended with exit_retry is started again.
inline constexpr int restarts_of_task = 3;

/// A script for sbatch(1): an array of the tasks that have anything to do.
[[nodiscard]] std::string slurm_script(const Job& job);
/// A script that runs the tasks with GNU parallel, and goes on where it stopped.
[[nodiscard]] std::string parallel_script(const Job& job);
/// A List of a ConfigMap with the pipeline file and an Indexed Job, as JSON, which kubectl takes.
[[nodiscard]] std::string kubernetes_manifest(const Job& job, const std::string& image);

/// "0-3,7": the array of sbatch.
[[nodiscard]] std::string ranges(const std::vector<std::size_t>& ascending);

}  // namespace etl::app
