#include "core/app/cluster/scripts.hpp"

#include "core/app/cli/share_option.hpp"
#include "core/app/cluster/child_command.hpp"
#include "core/runtime/base/descriptor.hpp"
#include "core/runtime/base/environment.hpp"

#include <fmt/format.h>

namespace etl::app {
namespace {

using nlohmann::json;

/// `etl run FILE ...` as a shell reads it, without task and report.
std::string command(const Submission& submission) {
  std::vector<std::string> words = {runtime::executable_path().string(), "run",
                                    submission.file.string()};
  words.insert(words.end(), submission.arguments.begin(), submission.arguments.end());
  return shell_quoted(words);
}

std::string about(const Submission& submission) {
  std::string name;  // a comment ends with its line
  for (const char c : submission.pipeline) name += c == '\n' || c == '\r' ? ' ' : c;
  return fmt::format("Pipeline \"{}\": {} of {} shares of the plan.", name,
                     submission.to_start.size(), submission.tasks);
}

}  // namespace

std::string ranges(const std::vector<std::size_t>& ascending) {
  std::string text;
  for (std::size_t i = 0; i < ascending.size();) {
    std::size_t last = i;
    while (last + 1 < ascending.size() && ascending[last + 1] == ascending[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", ascending[i]);
    if (last > i) text += fmt::format("-{}", ascending[last]);
    i = last + 1;
  }
  return text;
}

std::string TaskArray::script() const {
  return offset == 0 ? "job.sh" : fmt::format("job-{}.sh", offset);
}

std::string TaskArray::log() const {
  return offset == 0 ? "task-%a.log" : fmt::format("task-{}+%a.log", offset);
}

std::vector<TaskArray> arrays_of(const Submission& submission, std::size_t most) {
  std::vector<TaskArray> arrays;
  for (const std::size_t task : submission.to_start) {
    const std::size_t offset = task / most * most;
    if (arrays.empty() || arrays.back().offset != offset) arrays.push_back({offset, {}});
    arrays.back().indexes.push_back(task - offset);
  }
  return arrays;
}

std::string slurm_script(const Submission& submission, const TaskArray& array) {
  return fmt::format(
      R"sh(#!/bin/bash
# {about}
# Done partitions are skipped, so it can be submitted again: sbatch {script}
#SBATCH --job-name="{name}"
#SBATCH --array={array}%{at_once}
#SBATCH --cpus-per-task={workers}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output="{folder}/{log}"
cd {work} || exit {failed}
trap : TERM  # wait until etl has rolled back
echo "task $SLURM_ARRAY_TASK_ID of job $SLURM_ARRAY_JOB_ID on $(hostname), restart ${{SLURM_RESTART_COUNT:-0}}"
{command} \
  --task auto/{tasks} --task-offset {offset} --report {quoted_folder}/"task-{offset}+$SLURM_ARRAY_TASK_ID.$(date +%s%N).json"
code=$?
# Exit code {retry}: worth retrying. Slurm restarts the task, {restarts} times at most.
if [ "$code" -eq {retry} ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {restarts} ]; then
  scontrol requeue "$SLURM_JOB_ID" && sleep 60
fi
exit "$code"
)sh",
      fmt::arg("about", about(submission)),
      fmt::arg("script", shell_quoted((submission.folder / array.script()).string())),
      fmt::arg("name", submission.name), fmt::arg("array", ranges(array.indexes)),
      fmt::arg("log", array.log()), fmt::arg("offset", array.offset),
      fmt::arg("at_once", submission.at_once), fmt::arg("workers", submission.workers),
      fmt::arg("folder", submission.folder.string()),
      fmt::arg("quoted_folder", shell_quoted(submission.folder.string())),
      fmt::arg("work", shell_quoted(submission.work_folder.string())),
      fmt::arg("command", command(submission)), fmt::arg("tasks", submission.tasks),
      fmt::arg("failed", exit_failed), fmt::arg("retry", exit_retry),
      fmt::arg("restarts", restarts_of_task));
}

std::string parallel_script(const Submission& submission) {
  std::string tasks;
  for (const std::size_t task : submission.to_start) tasks += fmt::format(" {}", task);
  return fmt::format(
      R"sh(#!/bin/bash
# {about}
# Start it again to continue: tasks that succeeded and partitions that are done are skipped.
# On several hosts: PARALLEL='--sshlogin a,b'. --jobs then applies to each host, so divide it.
cd {work} || exit {failed}
if [ $# -eq 1 ]; then
  for restart in $(seq 0 {restarts}); do
    {command} \
      --task "$1/{tasks}" --report {folder}/"task-$1.$(date +%s%N).json"
    code=$?
    if [ "$code" -ne {retry} ]; then exit "$code"; fi
    sleep "$((restart * 10))"
  done
  exit "$code"
fi
printf '%s\n'{list} | parallel --quote --jobs {at_once} --joblog {folder}/joblog --resume-failed \
  --results {folder}/logs bash {folder}/job.sh {{}}
)sh",
      fmt::arg("about", about(submission)),
      fmt::arg("work", shell_quoted(submission.work_folder.string())),
      fmt::arg("folder", shell_quoted(submission.folder.string())),
      fmt::arg("command", command(submission)), fmt::arg("tasks", submission.tasks),
      fmt::arg("failed", exit_failed), fmt::arg("retry", exit_retry),
      fmt::arg("restarts", restarts_of_task), fmt::arg("list", tasks),
      fmt::arg("at_once", submission.at_once));
}

std::string kubernetes_manifest(const Submission& submission, const std::string& image) {
  const std::string pipeline = runtime::read_whole(submission.file);
  json arguments = {"run", "/etc/etl/pipeline.toml", "--task", "auto"};
  for (const std::string& each : submission.arguments) arguments.push_back(each);
  constexpr std::int64_t beside_batches = std::int64_t{256} << 20U;
  const json resources = {{"cpu", std::to_string(submission.workers)},
                          {"memory", std::to_string(submission.memory + beside_batches)}};
  const json container = {
      {"name", "etl"},
      {"image", image},
      {"command", {"etl"}},
      {"args", arguments},
      {"env",
       json::array({{{"name", tasks_variable}, {"value", std::to_string(submission.tasks)}}})},
      // The variables that the pipeline file uses, secrets among them.
      {"envFrom", json::array({{{"secretRef", {{"name", submission.name}, {"optional", true}}}}})},
      {"resources", {{"requests", resources}}},
      {"terminationMessagePolicy", "FallbackToLogsOnError"},
      {"volumeMounts", json::array({{{"name", "pipeline"}, {"mountPath", "/etc/etl"}}})}};
  const json disrupted = {
      {"action", "Ignore"},
      {"onPodConditions", json::array({{{"type", "DisruptionTarget"}, {"status", "True"}}})}};
  const json permanent = {
      {"action", "FailIndex"},
      {"onExitCodes", {{"containerName", "etl"}, {"operator", "NotIn"}, {"values", {exit_retry}}}}};
  const json spec = {
      {"completionMode", "Indexed"},
      {"completions", submission.tasks},
      {"parallelism", submission.at_once},
      {"backoffLimitPerIndex", restarts_of_task},
      {"podFailurePolicy", {{"rules", {disrupted, permanent}}}},
      {"template",
       {{"spec",
         {{"restartPolicy", "Never"},
          {"containers", json::array({container})},
          {"volumes",
           json::array({{{"name", "pipeline"}, {"configMap", {{"name", submission.name}}}}})}}}}}};
  const json items = json::array({{{"apiVersion", "v1"},
                                   {"kind", "ConfigMap"},
                                   {"metadata", {{"name", submission.name}}},
                                   {"data", {{"pipeline.toml", pipeline}}}},
                                  {{"apiVersion", "batch/v1"},
                                   {"kind", "Job"},
                                   {"metadata", {{"name", submission.name}}},
                                   {"spec", spec}}});
  return json({{"apiVersion", "v1"}, {"kind", "List"}, {"items", items}}).dump(2) + "\n";
}

}  // namespace etl::app
