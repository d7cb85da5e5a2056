#include "core/app/cluster/submission.hpp"

#include "core/runtime/base/text.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <set>

namespace etl::app {
namespace {

using runtime::Graph;
using runtime::Kind;
using runtime::NodeIndex;

constexpr std::size_t most_at_once = 16;
constexpr std::size_t most_tasks = 100'000;

/// Formats a time to the microsecond, as --now takes it.
std::string moment_text(std::chrono::sys_time<std::chrono::microseconds> time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", seconds, (time - seconds).count());
}

std::string name_for_engine(const std::string& pipeline) {
  std::string name = "etl-";
  for (const char c : pipeline.substr(0, 40))
    name += runtime::is_letter_or_digit(c) ? runtime::lower(c) : '-';
  while (name.ends_with('-')) name.pop_back();
  return name;
}

/// Advice to give every task a file of its own, if the sink can merge such files.
std::string advice_on_task_files(const runtime::SinkStage& sink) {
  const etl_stage& table = sink.table();
  for (std::size_t i = 0; i < table.option_count; ++i) {
    const etl_option_spec& spec = table.options[i];
    if (spec.type != ETL_OPTION_PATH || !sink.can_merge()) continue;
    return fmt::format(
        ", or give every task a file of its own with {{task}} in {} and merge them with etl merge",
        std::string_view(spec.name.data, spec.name.size));
  }
  return {};
}

/// Throws unless the sinks allow an engine to run a task twice, or on any host.
void require_shared_sinks(const Graph& graph, const std::string& engine) {
  for (const NodeIndex sink : graph.of_kind(Kind::sink)) {
    const runtime::SinkStage& stage = graph.sink(sink);
    if (!stage.transactional()) {
      throw stage.failure(
          Error::config("it keeps no ledger: an engine may run a task twice, and its rows would be "
                        "written twice. Use a sink that keeps one, or run it with etl run"));
    }
    const bool own = !runtime::per_task(graph[sink]).empty();
    if (own && engine == "kubernetes") {
      throw stage.failure(
          Error::config("it has a file for each task, and a pod's files vanish with the pod. Use a "
                        "sink on a server "
                        "(etl plugins lists the installed ones)"));
    }
    if (stage.table().max_writers != 1 || own) continue;
    const std::string resource(stage.resource());
    throw stage.failure(Error::config(fmt::format(
        "it takes one writer at a time{}, so tasks on several hosts cannot share it. Use a sink on "
        "a server (etl plugins lists the installed ones){}, or run it on one host with etl run",
        resource.starts_with("/") ? ", in the local file " + resource : "",
        advice_on_task_files(stage))));
  }
}

/// Throws if an override has a secret: a script, a manifest and a process list show it to others.
void require_no_secrets(const Graph& graph, const std::vector<std::string>& set) {
  for (const std::string& each : set) {
    const std::string key = each.substr(0, each.find('='));
    const std::size_t dot = key.find('.');
    if (dot == std::string::npos) continue;
    const etl_option_spec* spec = graph.option_spec(key.substr(0, dot), key.substr(dot + 1));
    if (spec == nullptr || (spec->flags & ETL_OPTION_SECRET) == 0) continue;
    throw Error::config(
        fmt::format("--set {}: the option is secret, and the job's script would show it. Write {} "
                    "= \"${{NAME}}\" in the pipeline file and set NAME in the environment",
                    key, key.substr(dot + 1)));
  }
}

/// The option `connections` of each source, which limits the whole run.
std::vector<std::pair<std::string, std::int64_t>> connection_limits(const Graph& graph) {
  std::vector<std::pair<std::string, std::int64_t>> limits;
  for (const NodeIndex source : graph.of_kind(Kind::source)) {
    for (const etl_option& option : graph[source].options->values()) {
      const std::string_view name(option.name.data, option.name.size);
      if (name == "connections" && option.type == ETL_OPTION_INT && option.value.i > 0)
        limits.emplace_back(graph[source].name, option.value.i);
    }
  }
  return limits;
}

class SubmissionBuilder {
 public:
  SubmissionBuilder(const CommonOptions& common, const SubmitOptions& options,
                    const runtime::Pipeline& pipeline, const runtime::Preflight& preflight)
      : common_(common),
        options_(options),
        pipeline_(pipeline),
        graph_(*pipeline.graph),
        ledger_(preflight.ledger) {}

  Submission build() {
    require_shared_sinks(graph_, options_.engine);
    require_no_secrets(graph_, common_.overrides());
    submission_.pipeline = pipeline_.file.name;
    submission_.name = name_for_engine(submission_.pipeline);
    submission_.file = std::filesystem::absolute(pipeline_.request.path);
    submission_.work_folder = std::filesystem::current_path();
    choose_folder();
    submission_.workers = std::max<std::int64_t>(1, pipeline_.file.run.workers);
    submission_.memory = pipeline_.file.run.memory_limit;
    submission_.planned =
        runtime::plan_partitions(graph_, {options_.selection.only, options_.selection.limit});
    find_pending();
    cut_into_tasks();
    limit_tasks_at_once();
    compose_arguments();
    return std::move(submission_);
  }

 private:
  /// Named after pipeline and time; a number is added if two submissions fall into one second.
  [[nodiscard]] std::filesystem::path unused_folder() const {
    const std::filesystem::path jobs("etl-jobs");
    const std::string name =
        fmt::format("{}-{:%Y%m%dT%H%M%SZ}", submission_.name, fmt::gmtime(std::time(nullptr)));
    std::filesystem::path folder = jobs / name;
    std::error_code unreadable;  // creating the folder will report it
    for (int i = 2; std::filesystem::exists(folder, unreadable); ++i)
      folder = jobs / fmt::format("{}-{}", name, i);
    return folder;
  }

  void choose_folder() {
    submission_.folder = options_.folder.empty() ? unused_folder() : options_.folder;
    submission_.folder = std::filesystem::absolute(submission_.folder).lexically_normal();
    // Engines would not take these characters as part of a path.
    if (submission_.folder.string().find_first_of("%\"\\\n") == std::string::npos) return;
    throw Error::config(fmt::format("--job-dir: {} contains a %, quote, backslash or line break",
                                    submission_.folder.string()));
  }

  void find_pending() {
    for (std::size_t i = 0; i < submission_.planned.size(); ++i) {
      const runtime::PlannedPartition& planned = submission_.planned[i];
      for (const NodeIndex sink : graph_.sinks_of(planned.source)) {
        const LedgerRecord* record =
            ledger_.find(sink, graph_[planned.source].name, planned.partition.id);
        const bool done = record != nullptr && record->state == State::done;
        if (done && !options_.reload) continue;
        submission_.pending.push_back({sink, i, record == nullptr ? 0 : record->finished_at});
      }
    }
  }

  /// Chooses the number of shares so that each takes some seconds of the remaining work.
  void cut_into_tasks() {
    std::set<std::size_t> to_do;
    for (const PendingPartition& pending : submission_.pending) to_do.insert(pending.planned);
    double seconds = 0;
    for (const std::size_t planned : to_do) {
      const std::int64_t bytes = submission_.planned[planned].partition.bytes;
      seconds += bytes < 0 ? seconds_of_unknown : static_cast<double>(bytes) / bytes_per_second;
    }
    const auto fitting = static_cast<std::size_t>(std::floor(seconds / seconds_of_task));
    submission_.tasks = std::clamp<std::size_t>(std::min(fitting, to_do.size()), 1, most_tasks);
    if (options_.tasks) submission_.tasks = static_cast<std::size_t>(*options_.tasks);
    if (submission_.tasks > most_tasks) {
      throw Error::config(fmt::format("--tasks {}: the limit is {}; give each task more work",
                                      submission_.tasks, most_tasks));
    }
    submission_.task_of = runtime::shares_of(submission_.planned, submission_.tasks);
    std::set<std::size_t> to_start;
    for (const std::size_t planned : to_do) to_start.insert(submission_.task_of[planned]);
    submission_.to_start.assign(to_start.begin(), to_start.end());
  }

  /// Keeps the number of tasks at once times the connections of each within the file's limits.
  void limit_tasks_at_once() {
    const auto limits = connection_limits(graph_);
    std::size_t most = std::max<std::size_t>(1, submission_.to_start.size());
    if (options_.tasks_at_once)
      most = std::min(most, static_cast<std::size_t>(*options_.tasks_at_once));
    else most = std::min(most, most_at_once);
    for (const auto& [source, connections] : limits) {
      if (options_.tasks_at_once && *options_.tasks_at_once > connections) {
        throw Error::config(fmt::format(
            "--tasks-at-once {}: source \"{}\" may have {} over the whole run, and every "
            "task needs one; give at most {}, or raise it: --set {}.connections=N",
            *options_.tasks_at_once, source, runtime::counted(connections, "connection"),
            connections, source));
      }
      most = std::min(most, static_cast<std::size_t>(connections));
    }
    submission_.at_once = most;
    for (const auto& [source, connections] : limits) {
      connections_.push_back(
          fmt::format("{}.connections={}", source, connections / static_cast<std::int64_t>(most)));
    }
  }

  void compose_arguments() {
    auto& words = submission_.arguments;
    const auto add = [&](const char* flag, const std::string& value) {
      words.emplace_back(flag);
      words.push_back(value);
    };
    add("--now", moment_text(*pipeline_.request.now));
    for (const std::string& set : common_.overrides()) add("--set", set);
    for (const std::string& set : connections_) add("--set", set);
    add("--set", fmt::format("run.workers={}", submission_.workers));
    for (const std::string& glob : options_.selection.only) add("--only", glob);
    if (options_.selection.limit) add("--limit", std::to_string(*options_.selection.limit));
    for (const auto& folder : common_.plugin_dirs)
      add("--plugin-dir", std::filesystem::absolute(folder).string());
    add("--progress", "plain");
    if (options_.reload) words.emplace_back("--reload");
  }

  const CommonOptions& common_;
  const SubmitOptions& options_;
  const runtime::Pipeline& pipeline_;
  const Graph& graph_;
  const runtime::LedgerView& ledger_;
  std::vector<std::string> connections_;
  Submission submission_;
};

}  // namespace

std::size_t Submission::partitions_to_do() const {
  std::set<std::size_t> to_do;
  for (const PendingPartition& each : pending) to_do.insert(each.planned);
  return to_do.size();
}

Submission make_submission(const CommonOptions& common, const SubmitOptions& options,
                           const runtime::Pipeline& pipeline, const runtime::Preflight& preflight) {
  return SubmissionBuilder(common, options, pipeline, preflight).build();
}

}  // namespace etl::app
