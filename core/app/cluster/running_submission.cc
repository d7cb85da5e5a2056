#include "core/app/cluster/running_submission.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <csignal>
#include <fstream>
#include <sstream>

namespace etl::app {
namespace {

constexpr int most_releases = 3;
/// Consecutive answers that count as the end: Slurm may not know the job yet, or restart a task.
constexpr int ended_answers = 2;

}  // namespace

// ---- Slurm -------------------------------------------------------------------------------------

SlurmSubmission::SlurmSubmission(const Session& session, const Submission& submission,
                                 std::vector<TaskArray> arrays)
    : session_(session), submission_(submission), arrays_(std::move(arrays)) {
  try {
    submit();
  } catch (...) {
    for (const std::string& id : ids_) Slurm::cancel(id);  // never leave a submission in part
    throw;
  }
}

/// Chains the arrays, so that the limit on tasks at once holds over all of them.
void SlurmSubmission::submit() {
  for (const TaskArray& array : arrays_) {
    ids_.push_back(Slurm::submit(submission_.folder / array.script(),
                                 ids_.empty() ? std::string() : ids_.back()));
    for (const std::size_t index : array.indexes) id_of_[array.offset + index] = ids_.back();
  }
}

bool SlurmSubmission::ended() {
  ended_answers_ = ask() ? ended_answers_ + 1 : 0;
  return ended_answers_ >= ended_answers;
}

bool SlurmSubmission::ask() {
  bool ended = true;
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    std::string why_not;
    const auto tasks = Slurm::tasks(ids_[i], why_not);
    if (!tasks) {
      if (!silent_) session_.log.warn("slurm does not answer, retrying: " + why_not);
      silent_ = true;
      return false;
    }
    for (const auto& [index, task] : *tasks) {
      tasks_[arrays_[i].offset + index] = task;
      ended = ended && task.ended();
      if (task.held()) release(i, index, task);
    }
  }
  if (silent_) session_.log.info("slurm answers again");
  silent_ = false;
  return ended;
}

/// Releases a task that Slurm holds because it failed to start it, for instance when its controller
/// went down.
void SlurmSubmission::release(std::size_t array, std::size_t index, const SlurmTask& task) {
  const std::string& id = ids_[array];
  const std::size_t number = arrays_[array].offset + index;
  int& releases = releases_[number];
  if (releases > most_releases) return;
  if (releases++ == most_releases) {
    return session_.log.error(
        fmt::format("task {} is held repeatedly: {}; check slurm's logs, then: "
                    "scontrol release {}_{}, or scancel {}",
                    number, task.reason, id, index, id));
  }
  const bool released = Slurm::release(id, index);
  session_.log.warn(fmt::format("task {} was held by slurm ({}): {}", number, task.reason,
                                released ? "released" : "slurm refused to release it"));
}

void SlurmSubmission::leave() {
  session_.log.warn(
      fmt::format("job {} keeps running; to stop it: scancel {}", ids(), fmt::join(ids_, " ")));
}

std::string SlurmSubmission::ids() const { return fmt::format("{}", fmt::join(ids_, ",")); }

std::string SlurmSubmission::run_id() const { return "slurm-" + ids(); }

std::string SlurmSubmission::end_of(std::size_t number) const {
  const auto task = tasks_.find(number);
  if (task == tasks_.end()) return {};
  return fmt::format("task {} of job {} ended {}{}", number, id_of_.at(number), task->second.state,
                     task->second.nodes.empty() ? "" : " on " + task->second.nodes);
}

std::string SlurmSubmission::log_of(std::size_t number) const {
  std::string name;
  for (const TaskArray& array : arrays_) {
    if (number >= array.offset)
      name = array.log().replace(array.log().find("%a"), 2, std::to_string(number - array.offset));
  }
  return (submission_.folder / name).string();
}

// ---- GNU parallel ------------------------------------------------------------------------------

ParallelSubmission::ParallelSubmission(const Session& session, const Submission& submission,
                                       const std::filesystem::path& script)
    : session_(session), submission_(submission), child_({"bash", script.string()}) {}

bool ParallelSubmission::ended() {
  const auto result = child_.poll();
  if (!result) return false;
  if (result->code > 101 &&
      result->code != 128 + SIGTERM) {  // up to 101: the number of failed tasks
    session_.log.error(fmt::format("parallel exited with {}: {}", result->code, result->err));
  }
  return true;
}

void ParallelSubmission::leave() {
  session_.log.warn("ending the tasks; committed partitions stay");
  child_.end();
}

/// Reads the job log of GNU parallel: sequence, host, start, seconds, bytes sent and received,
/// code, signal, command.
std::string ParallelSubmission::end_of(std::size_t task) const {
  std::ifstream in(submission_.folder / "joblog");
  std::string found;
  for (std::string line; std::getline(in, line);) {
    if (!line.ends_with(fmt::format(" {}", task))) continue;
    std::istringstream fields(line);
    std::string sequence, host, start, seconds, sent, received, code, signal;
    fields >> sequence >> host >> start >> seconds >> sent >> received >> code >> signal;
    found = fmt::format("task {} ended with {} on {}", task,
                        signal == "0" ? "exit code " + code : "signal " + signal, host);
  }
  return found;
}

std::string ParallelSubmission::log_of(std::size_t task) const {
  return (submission_.folder / "logs" / "1" / std::to_string(task) / "stderr").string();
}

}  // namespace etl::app
