#include "core/app/cluster/engine_job.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

namespace etl::app {
namespace {

constexpr int most_releases = 3;
/// Slurm may be asked before it knows the job, and may start a task again: a job has ended when it
/// says so this often in a row.
constexpr int ended_answers = 2;

}  // namespace

// ---- Slurm -------------------------------------------------------------------------------------

SlurmJob::SlurmJob(const Session& session, const Job& job, std::vector<TaskArray> arrays)
    : session_(session), job_(job), arrays_(std::move(arrays)) {
  try {
    submit();
  } catch (...) {
    for (const std::string& id : ids_) Slurm::cancel(id);  // half a job is none
    throw;
  }
}

/// One after the other, so that the limit on tasks at once holds over all of them.
void SlurmJob::submit() {
  for (const TaskArray& array : arrays_) {
    ids_.push_back(
        Slurm::submit(job_.folder / array.script(), ids_.empty() ? std::string() : ids_.back()));
    for (const std::size_t index : array.indexes) id_of_[array.offset + index] = ids_.back();
  }
}

bool SlurmJob::ended() {
  ended_answers_ = ask() ? ended_answers_ + 1 : 0;
  return ended_answers_ >= ended_answers;
}

bool SlurmJob::ask() {
  bool ended = true;
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    std::string why_not;
    const auto tasks = Slurm::tasks(ids_[i], why_not);
    if (!tasks) {
      if (!silent_) session_.log.warn("slurm does not answer, asking again: " + why_not);
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

/// Slurm holds a task that it failed to start, for instance when its controller went down then.
void SlurmJob::release(std::size_t array, std::size_t index, const SlurmTask& task) {
  const std::string& id = ids_[array];
  const std::size_t number = arrays_[array].offset + index;
  int& releases = releases_[number];
  if (releases > most_releases) return;
  if (releases++ == most_releases) {
    return session_.log.error(
        fmt::format("task {} is held again and again: {}; look into slurm's logs, then: "
                    "scontrol release {}_{}, or scancel {}",
                    number, task.reason, id, index, id));
  }
  const bool released = Slurm::release(id, index);
  session_.log.warn(fmt::format("task {} was held by slurm ({}): {}", number, task.reason,
                                released ? "released" : "it refused to release it"));
}

void SlurmJob::leave() {
  session_.log.warn(
      fmt::format("job {} goes on; stop it: scancel {}", ids(), fmt::join(ids_, " ")));
}

std::string SlurmJob::ids() const { return fmt::format("{}", fmt::join(ids_, ",")); }

std::string SlurmJob::run_id() const { return "slurm-" + ids(); }

std::string SlurmJob::end_of(std::size_t number) const {
  const auto task = tasks_.find(number);
  if (task == tasks_.end()) return {};
  return fmt::format("task {} of job {} ended {}{}", number, id_of_.at(number), task->second.state,
                     task->second.nodes.empty() ? "" : " on " + task->second.nodes);
}

std::string SlurmJob::log_of(std::size_t number) const {
  std::string name;
  for (const TaskArray& array : arrays_) {
    if (number >= array.offset)
      name = array.log().replace(array.log().find("%a"), 2, std::to_string(number - array.offset));
  }
  return (job_.folder / name).string();
}

// ---- GNU parallel ------------------------------------------------------------------------------

ParallelJob::ParallelJob(const Session& session, const Job& job,
                         const std::filesystem::path& script)
    : session_(session), job_(job), child_({"bash", script.string()}) {}

bool ParallelJob::ended() {
  const auto result = child_.poll();
  if (!result) return false;
  if (result->code > 101 && result->code != 128 + SIGTERM) {  // up to 101: that many tasks failed
    session_.log.error(fmt::format("parallel ended with {}: {}", result->code, result->err));
  }
  return true;
}

void ParallelJob::leave() {
  session_.log.warn("ending the tasks; what they have committed stays");
  child_.end();
}

/// As its job log says: sequence, host, start, seconds, bytes sent and received, code, signal,
/// command.
std::string ParallelJob::end_of(std::size_t task) const {
  std::ifstream in(job_.folder / "joblog");
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

std::string ParallelJob::log_of(std::size_t task) const {
  return (job_.folder / "logs" / "1" / std::to_string(task) / "stderr").string();
}

}  // namespace etl::app
