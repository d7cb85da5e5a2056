/// \file
/// A submitted job as `etl submit --wait` sees it, whatever engine runs it.
#pragma once

#include "core/app/cluster/child_command.hpp"
#include "core/app/cluster/job_script.hpp"
#include "core/app/cluster/slurm.hpp"
#include "core/app/cluster/submission.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace etl::app {

/// Used by one thread.
class EngineJob {
 public:
  virtual ~EngineJob() = default;
  /// Asks the engine; whether every task has ended. One that does not answer is asked again.
  [[nodiscard]] virtual bool ended() = 0;
  /// The watching was stopped: ends the job where nobody else would, or says how to.
  virtual void leave() = 0;
  /// For the summary: "slurm-17".
  [[nodiscard]] virtual std::string run_id() const = 0;
  /// How a task ended, as far as the engine told: "task 3 of job 17 ended FAILED on n2"; or empty.
  [[nodiscard]] virtual std::string end_of(std::size_t task) const = 0;
  [[nodiscard]] virtual std::string log_of(std::size_t task) const = 0;
};

/// Several arrays of Slurm, one after the other. Releases tasks that Slurm holds.
class SlurmJob : public EngineJob {
 public:
  /// Writes nothing; the scripts are in the job's folder. Throws as Slurm::submit().
  SlurmJob(const Session& session, const Job& job, std::vector<TaskArray> arrays);

  [[nodiscard]] bool ended() override;
  void leave() override;
  [[nodiscard]] std::string run_id() const override;
  [[nodiscard]] std::string end_of(std::size_t task) const override;
  [[nodiscard]] std::string log_of(std::size_t task) const override;
  /// The numbers of the arrays, with commas between.
  [[nodiscard]] std::string ids() const;

 private:
  void submit();
  bool ask();
  void release(std::size_t array, std::size_t index, const SlurmTask& task);

  const Session& session_;
  const Job& job_;
  std::vector<TaskArray> arrays_;
  std::vector<std::string> ids_;
  std::map<std::size_t, SlurmTask> tasks_;  ///< by their own number
  std::map<std::size_t, std::string> id_of_;
  std::map<std::size_t, int> releases_;
  bool silent_ = false;
  int ended_answers_ = 0;
};

/// GNU parallel as a child of this process; ends with it.
class ParallelJob : public EngineJob {
 public:
  /// Starts the script. Throws as Child.
  ParallelJob(const Session& session, const Job& job, const std::filesystem::path& script);

  [[nodiscard]] bool ended() override;
  void leave() override;
  [[nodiscard]] std::string run_id() const override { return "parallel-" + job_.name; }
  [[nodiscard]] std::string end_of(std::size_t task) const override;
  [[nodiscard]] std::string log_of(std::size_t task) const override;

 private:
  const Session& session_;
  const Job& job_;
  Child child_;
};

}  // namespace etl::app
