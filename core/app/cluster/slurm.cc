#include "core/app/cluster/slurm.hpp"

#include "core/app/cluster/child_command.hpp"
#include "core/runtime/base/units.hpp"

#include <etl/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>
#include <vector>

namespace etl::app {
namespace {

std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> list;
  std::istringstream in(line);
  for (std::string field; std::getline(in, field, '|');) list.push_back(field);
  return list;
}

}  // namespace

bool SlurmTask::ended() const {
  constexpr std::array<std::string_view, 10> final = {
      "BOOT_FAIL", "CANCELLED",     "COMPLETED", "DEADLINE", "FAILED",
      "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",  "TIMEOUT"};
  return std::ranges::find(final, state) != final.end();
}

bool SlurmTask::held() const {
  return state == "PENDING" && reason.find("held") != std::string::npos &&
         reason.find("requeue") != std::string::npos;
}

std::size_t Slurm::most_tasks() {
  constexpr std::int64_t usual = 1001;
  try {
    std::istringstream lines(require_command({"scontrol", "show", "config"}));
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("MaxArraySize")) continue;
      return static_cast<std::size_t>(
          runtime::whole_number(line.substr(line.rfind(' ') + 1)).value_or(usual));
    }
  } catch (const Error&) {
    // Printing a script needs no Slurm; submitting it will report the failure.
  }
  return static_cast<std::size_t>(usual);
}

std::string Slurm::submit(const std::filesystem::path& script, const std::string& after) {
  std::vector<std::string> words = {"sbatch", "--parsable"};
  if (!after.empty()) words.push_back("--dependency=afterany:" + after);
  words.push_back(script.string());
  // "17", or "17;cluster".
  const std::string out = require_command(words);
  std::string job = out.substr(0, out.find(';'));
  if (!runtime::whole_number(job))
    throw Error::transient(fmt::format("sbatch returned no job id: \"{}\"", out));
  return job;
}

void Slurm::cancel(const std::string& job) { (void)run_command({"scancel", job}); }

std::optional<std::map<std::size_t, SlurmTask>> Slurm::tasks(const std::string& job,
                                                             std::string& why_not) {
  const CommandResult result =
      run_command({"squeue", "-h", "-r", "-t", "all", "-j", job, "-o", "%K|%T|%N|%r"});
  if (result.code != 0 && result.err.find("Invalid job id") == std::string::npos) {
    why_not = result.err;
    return std::nullopt;
  }
  std::map<std::size_t, SlurmTask> tasks;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> task = fields(line);
    if (task.size() < 2) continue;
    if (const auto index = runtime::whole_number(task[0])) {
      tasks[static_cast<std::size_t>(*index)] = {task[1], task.size() > 2 ? task[2] : "",
                                                 task.size() > 3 ? task[3] : ""};
    }
  }
  return tasks;
}

bool Slurm::release(const std::string& job, std::size_t task) {
  return run_command({"scontrol", "release", fmt::format("{}_{}", job, task)}).code == 0;
}

}  // namespace etl::app
