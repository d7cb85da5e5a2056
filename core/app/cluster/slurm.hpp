/// \file
/// Slurm, through its own commands: sbatch, squeue, scontrol.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace etl::app {

/// A task of an array as squeue(1) tells it.
struct SlurmTask {
  std::string state;   ///< "RUNNING", "COMPLETED", ...
  std::string nodes;   ///< empty before it started
  std::string reason;  ///< why it waits

  /// It will not run again by itself.
  [[nodiscard]] bool ended() const;
  /// Slurm started it in vain and waits for somebody to release it.
  [[nodiscard]] bool held() const;
};

class Slurm {
 public:
  /// What the indexes of an array have to stay below; Slurm's own default where it cannot be asked.
  [[nodiscard]] static std::size_t most_tasks();

  /// Submits a script, to be started when the job `after` (empty = none) has ended; the number of
  /// the job. Throws Error (transient) with what sbatch said.
  [[nodiscard]] static std::string submit(const std::filesystem::path& script,
                                          const std::string& after);
  /// Ends a job, if it can be reached.
  static void cancel(const std::string& job);

  /// The tasks of a job by their index; nothing when the controller cannot be asked. Slurm forgets
  /// a job some minutes after its end: then there are none.
  [[nodiscard]] static std::optional<std::map<std::size_t, SlurmTask>> tasks(const std::string& job,
                                                                             std::string& why_not);

  /// Lets a held task go on. False when Slurm refused.
  static bool release(const std::string& job, std::size_t task);
};

}  // namespace etl::app
