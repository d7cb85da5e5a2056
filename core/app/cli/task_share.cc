#include "core/app/cli/task_share.hpp"

#include <etl/error.hpp>

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

namespace etl::app {
namespace {

constexpr std::int64_t most_tasks = 1'000'000;

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = failure == std::errc() && end == text.data() + text.size() && number >= 0;
  return whole && number <= most_tasks ? std::optional(number) : std::nullopt;
}

/// Where an engine tells a task its place. Sources: the manuals of sbatch(1), qsub(1) of Grid
/// Engine, "Indexed Job" of Kubernetes, "Array jobs" of AWS Batch.
struct Engine {
  const char* name;
  const char* index;
  const char* first;  ///< of the first task; nullptr = 0
  const char* last;   ///< with `step`: how many there are; nullptr = `count` says so
  const char* step;   ///< nullptr = 1
  const char* count;  ///< nullptr = it follows from `first` and `last`
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

/// One engine's variables, each a number that has to be there.
class Place {
 public:
  Place(const Engine& engine, const runtime::Environment& environment)
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
          "--task auto: the array of {} has gaps ({}={}, {} to {}), so the shares are not known; "
          "give the number of all tasks: --task auto/N",
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
    if (const auto number = whole_number(*text)) return *number;
    throw Error::config(
        fmt::format("--task auto: {}=\"{}\" is no number from 0 to {}", name, *text, most_tasks));
  }

  const Engine& engine_;
  const runtime::Environment& environment_;
};

Place place(const runtime::Environment& environment) {
  std::vector<const Engine*> found;
  std::string all;
  for (const Engine& engine : engines) {
    all += fmt::format("{}{} ({})", all.empty() ? "" : ", ", engine.index, engine.name);
    // Grid Engine says "undefined" to a job that is no array.
    if (const auto index = environment(engine.index); index && *index != "undefined")
      found.push_back(&engine);
  }
  if (found.size() == 1) return {*found.front(), environment};
  if (found.empty()) {
    throw Error::config("--task auto: no engine says which task this is: none is set of " + all +
                        "; say it yourself: --task I/N");
  }
  throw Error::config(
      fmt::format("--task auto: both {} and {} are set, so it is not clear which task this is; say "
                  "it yourself: --task I/N",
                  found[0]->index, found[1]->index));
}

struct Parts {
  std::string task;
  std::optional<std::int64_t> tasks;
};

Parts parts(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return {text, {}};
  return {text.substr(0, slash), whole_number(text.substr(slash + 1)).value_or(0)};
}

}  // namespace

std::string is_task(const std::string& text) {
  const auto [task, tasks] = parts(text);
  const bool automatic = task == "auto";
  const auto index = whole_number(task);
  if ((!automatic && (!index || !tasks)) || (tasks && *tasks == 0)) {
    return fmt::format("\"{}\" is no task: write I/N (I from 0 to N-1), auto or auto/N", text);
  }
  if (automatic || *index < *tasks) return {};
  return fmt::format("\"{}\": tasks are counted from 0, the last of {} is {}", text, *tasks,
                     *tasks - 1);
}

runtime::Share task_share(const std::string& text, std::int64_t offset,
                          const runtime::Environment& environment) {
  const auto [task, tasks] = parts(text);
  runtime::Share share;
  if (task != "auto") share = {*whole_number(task), *tasks};
  else if (tasks) share = {place(environment).index(), *tasks};
  else share = place(environment).share();
  share.index += offset;
  if (share.index >= 0 && share.index < share.count) return share;
  throw Error::config(
      fmt::format("--task {}: this is task {}{}, but there are {}, counted from 0; {}", text,
                  share.index, offset == 0 ? "" : fmt::format(" (with --task-offset {})", offset),
                  share.count, "the array and the number of tasks do not fit"));
}

}  // namespace etl::app
