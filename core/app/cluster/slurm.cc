#include "core/app/cluster/slurm.hpp"

#include "core/app/cluster/child_command.hpp"
#include "core/runtime/base/units.hpp"

#include <etl/detail/split.hpp>
#include <etl/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace etl::app {

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
    const std::string config = require_command({"scontrol", "show", "config"});
    for (const std::string_view line : detail::split(config, '\n')) {
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
  for (const std::string_view line : detail::split(result.out, '\n')) {
    std::vector<std::string_view> task = detail::split(line, '|');
    if (task.size() < 2) continue;
    task.resize(4);  // squeue leaves out what is empty at the end
    if (const auto index = runtime::whole_number(task[0])) {
      tasks[static_cast<std::size_t>(*index)] = {std::string(task[1]), std::string(task[2]),
                                                 std::string(task[3])};
    }
  }
  return tasks;
}

bool Slurm::release(const std::string& job, std::size_t task) {
  return run_command({"scontrol", "release", fmt::format("{}_{}", job, task)}).code == 0;
}

}  // namespace etl::app
