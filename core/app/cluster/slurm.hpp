/// \file
/// Slurm, through its own commands: sbatch, squeue, scontrol.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace etl::app {

/// A task of an array as squeue(1) reports it.
struct SlurmTask {
  std::string state;   ///< "RUNNING", "COMPLETED", ...
  std::string nodes;   ///< empty before it started
  std::string reason;  ///< why it waits

  /// Whether it will not run again by itself.
  [[nodiscard]] bool ended() const;
  /// Whether Slurm failed to start it and waits for a release.
  [[nodiscard]] bool held() const;
};

class Slurm {
 public:
  /// The exclusive upper bound of array indexes (MaxArraySize), or Slurm's default if the query
  /// fails.
  [[nodiscard]] static std::size_t most_tasks();

  /// Submits a script, to be started when the job `after` (empty = none) has ended. Returns the job
  /// id. Throws Error (transient) with the message of sbatch.
  [[nodiscard]] static std::string submit(const std::filesystem::path& script,
                                          const std::string& after);
  /// Ends a job. Failures are ignored.
  static void cancel(const std::string& job);

  /// The tasks of a job by their index, or nothing if the controller does not answer. Empty some
  /// minutes after the end of a job, when Slurm forgets it.
  [[nodiscard]] static std::optional<std::map<std::size_t, SlurmTask>> tasks(const std::string& job,
                                                                             std::string& why_not);

  /// Releases a held task. Returns false if Slurm refused.
  static bool release(const std::string& job, std::size_t task);
};

}  // namespace etl::app
