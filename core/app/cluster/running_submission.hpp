/// \file
/// A submission that an engine runs, as `etl submit --wait` watches it.
#pragma once

#include "core/app/cluster/child_command.hpp"
#include "core/app/cluster/scripts.hpp"
#include "core/app/cluster/slurm.hpp"
#include "core/app/cluster/submission.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace etl::app {

/// Not thread-safe.
class RunningSubmission {
 public:
  virtual ~RunningSubmission() = default;
  /// Asks the engine whether every task has ended. False if it does not answer.
  [[nodiscard]] virtual bool ended() = 0;
  /// Called when watching is stopped: ends the tasks if they need this process, else tells how to.
  virtual void leave() = 0;
  /// For the summary: "slurm-17".
  [[nodiscard]] virtual std::string run_id() const = 0;
  /// How a task ended: "task 3 of job 17 ended FAILED on n2"; empty if the engine did not tell.
  [[nodiscard]] virtual std::string end_of(std::size_t task) const = 0;
  [[nodiscard]] virtual std::string log_of(std::size_t task) const = 0;
};

/// Arrays of Slurm that run one after the other. Releases tasks that Slurm holds.
class SlurmSubmission : public RunningSubmission {
 public:
  /// Submits the scripts, which are in the submission's folder. Throws as Slurm::submit().
  SlurmSubmission(const Session& session, const Submission& submission,
                  std::vector<TaskArray> arrays);

  [[nodiscard]] bool ended() override;
  void leave() override;
  [[nodiscard]] std::string run_id() const override;
  [[nodiscard]] std::string end_of(std::size_t task) const override;
  [[nodiscard]] std::string log_of(std::size_t task) const override;
  /// The job ids of the arrays, separated by commas.
  [[nodiscard]] std::string ids() const;

 private:
  void submit();
  bool ask();
  void release(std::size_t array, std::size_t index, const SlurmTask& task);

  const Session& session_;
  const Submission& submission_;
  std::vector<TaskArray> arrays_;
  std::vector<std::string> ids_;
  std::map<std::size_t, SlurmTask> tasks_;  ///< by their number in the plan
  std::map<std::size_t, std::string> id_of_;
  std::map<std::size_t, int> releases_;
  bool silent_ = false;
  int ended_answers_ = 0;
};

/// GNU parallel as a child of this process; ends with it.
class ParallelSubmission : public RunningSubmission {
 public:
  /// Starts the script. Throws as Child.
  ParallelSubmission(const Session& session, const Submission& submission,
                     const std::filesystem::path& script);

  [[nodiscard]] bool ended() override;
  void leave() override;
  [[nodiscard]] std::string run_id() const override { return "parallel-" + submission_.name; }
  [[nodiscard]] std::string end_of(std::size_t task) const override;
  [[nodiscard]] std::string log_of(std::size_t task) const override;

 private:
  const Session& session_;
  const Submission& submission_;
  Child child_;
};

}  // namespace etl::app
