#include "core/app/cli/share_option.hpp"

#include "core/runtime/base/units.hpp"

#include <etl/error.hpp>

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <vector>

namespace etl::app {
namespace {

constexpr std::int64_t most_tasks = 1'000'000;

std::optional<std::int64_t> task_number(std::string_view text) {
  const auto number = runtime::whole_number(text);
  return number && *number <= most_tasks ? number : std::nullopt;
}

/// The variables in which an engine numbers the tasks of an array, as documented in sbatch(1),
/// qsub(1) of Grid Engine, "Indexed Job" of Kubernetes and "Array jobs" of AWS Batch.
struct Engine {
  const char* name;
  const char* index;
  const char* first;  ///< lowest index; nullptr = 0
  const char* last;   ///< highest index; nullptr = `count` is set
  const char* step;   ///< between indexes; nullptr = 1
  const char* count;  ///< number of tasks; nullptr = computed from `first`, `last` and `step`
  std::int64_t counts_from;
};

constexpr Engine engines[] = {
    {"Slurm", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX",
     "SLURM_ARRAY_TASK_STEP", "SLURM_ARRAY_TASK_COUNT", 0},
    {"Kubernetes", "JOB_COMPLETION_INDEX", nullptr, nullptr, nullptr, tasks_variable, 0},
    {"AWS Batch", "AWS_BATCH_JOB_ARRAY_INDEX", nullptr, nullptr, nullptr,
     "AWS_BATCH_JOB_ARRAY_SIZE", 0},
    {"Grid Engine", "SGE_TASK_ID", "SGE_TASK_FIRST", "SGE_TASK_LAST", "SGE_TASK_STEPSIZE", nullptr,
     1},
};

/// Reads the variables of one engine, each of which must be a number.
class ArrayTask {
 public:
  ArrayTask(const Engine& engine, const runtime::Environment& environment)
      : engine_(engine), environment_(environment) {}

  [[nodiscard]] std::int64_t index() const { return number(engine_.index) - engine_.counts_from; }

  [[nodiscard]] runtime::Share share() const {
    const std::int64_t index = number(engine_.index);
    if (engine_.last == nullptr) return {index, number(engine_.count)};
    const std::int64_t first = number(engine_.first);
    const std::int64_t last = number(engine_.last);
    const std::int64_t step = environment_(engine_.step) ? number(engine_.step) : 1;
    const std::int64_t tasks = step > 0 && last >= first ? (last - first) / step + 1 : 0;
    const bool even = tasks > 0 && index >= first && (index - first) % step == 0;
    if (!even || (engine_.count != nullptr && number(engine_.count) != tasks)) {
      throw Error::config(fmt::format(
          "--task auto: the array of {} has gaps ({}={}, {} to {}), so the number of shares is "
          "unknown; give it: --task auto/N",
          engine_.name, engine_.index, index, first, last));
    }
    return {(index - first) / step, tasks};
  }

 private:
  [[nodiscard]] std::int64_t number(const char* name) const {
    const std::optional<std::string> text = environment_(name);
    if (!text) {
      throw Error::config(fmt::format("--task auto: {} sets {}, but {} is not set; {}",
                                      engine_.name, engine_.index, name,
                                      "set it, or give the number of tasks: --task auto/N"));
    }
    if (const auto number = task_number(*text)) return *number;
    throw Error::config(fmt::format("--task auto: {}=\"{}\" is not a number from 0 to {}", name,
                                    *text, most_tasks));
  }

  const Engine& engine_;
  const runtime::Environment& environment_;
};

ArrayTask array_task(const runtime::Environment& environment) {
  std::vector<const Engine*> found;
  std::string all;
  for (const Engine& engine : engines) {
    all += fmt::format("{}{} ({})", all.empty() ? "" : ", ", engine.index, engine.name);
    // Grid Engine sets "undefined" in jobs that are not arrays.
    if (const auto index = environment(engine.index); index && *index != "undefined")
      found.push_back(&engine);
  }
  if (found.size() == 1) return {*found.front(), environment};
  if (found.empty()) {
    throw Error::config(
        "--task auto: cannot tell which task this is: none of these variables is set: " + all +
        "; give it: --task I/N");
  }
  throw Error::config(
      fmt::format("--task auto: both {} and {} are set, so it is unclear which task this is; "
                  "give it: --task I/N",
                  found[0]->index, found[1]->index));
}

struct Parts {
  std::string task;
  std::optional<std::int64_t> tasks;
};

Parts parts(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return {text, {}};
  return {text.substr(0, slash), task_number(text.substr(slash + 1)).value_or(0)};
}

}  // namespace

std::string check_share(const std::string& text) {
  const auto [task, tasks] = parts(text);
  const bool automatic = task == "auto";
  const auto index = task_number(task);
  if ((!automatic && (!index || !tasks)) || (tasks && *tasks == 0)) {
    return "is not a task: write I/N (I from 0 to N-1), auto or auto/N";
  }
  if (automatic || *index < *tasks) return {};
  return fmt::format("is out of range: tasks count from 0, the last of {} is {}", *tasks,
                     *tasks - 1);
}

runtime::Share parse_share(const std::string& text, std::int64_t offset,
                           const runtime::Environment& environment) {
  const auto [task, tasks] = parts(text);
  runtime::Share share;
  if (task != "auto") share = {*task_number(task), *tasks};
  else if (tasks) share = {array_task(environment).index(), *tasks};
  else share = array_task(environment).share();
  share.index += offset;
  if (share.index >= 0 && share.index < share.count) return share;
  throw Error::config(
      fmt::format("--task {}: task {}{} is out of range: there are {} tasks, counted from 0; the "
                  "array does not match the number of tasks",
                  text, share.index,
                  offset == 0 ? "" : fmt::format(" (with --task-offset {})", offset), share.count));
}

}  // namespace etl::app
