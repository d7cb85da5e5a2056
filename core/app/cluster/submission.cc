#include "core/app/cluster/submission.hpp"

#include "core/app/cli/moment.hpp"
#include "core/app/cli/task_share.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/pipeline/preflight.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
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

std::string engine_name(const std::string& pipeline) {
  std::string name = "etl-";
  for (const char c : pipeline.substr(0, 40)) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 && (c & 0x80) == 0;
    name += plain ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : '-';
  }
  while (name.ends_with('-')) name.pop_back();
  return name;
}

/// How a sink in a file gets one for each task.
std::string own_database(const runtime::SinkStage& sink) {
  const etl_stage& table = sink.table();
  for (std::size_t i = 0; i < table.option_count; ++i) {
    const etl_option_spec& spec = table.options[i];
    if (spec.type != ETL_OPTION_PATH || !sink.can_merge()) continue;
    return fmt::format(
        ", or give every task a file of its own, with {{task}} in {}, and unite them with etl "
        "merge",
        std::string_view(spec.name.data, spec.name.size));
  }
  return {};
}

/// Every engine may run a task twice, or on any host.
void require_shared_sinks(const Graph& graph, const std::string& engine) {
  for (const NodeIndex sink : graph.of_kind(Kind::sink)) {
    const runtime::SinkStage& stage = graph.sink(sink);
    if (!stage.transactional()) {
      throw stage.failure(
          Error::config("it keeps no ledger: an engine may run a task twice, and then nothing "
                        "would tell the rows "
                        "apart. Use a sink that keeps one, or run it with etl run"));
    }
    const bool own = !runtime::per_task(graph[sink]).empty();
    if (own && engine == "kubernetes") {
      throw stage.failure(Error::config(
          "it has a file for each task, and a pod's files go with the pod. Use a sink on a server "
          "(etl plugins lists the installed ones)"));
    }
    if (stage.table().max_writers != 1 || own) continue;
    const std::string resource(stage.resource());
    throw stage.failure(Error::config(fmt::format(
        "it takes one writer at a time{}, so tasks on several hosts cannot share it. Use a sink on "
        "a server (etl plugins lists the installed ones){}, or run it on one host with etl run",
        resource.starts_with("/") ? ", in the local file " + resource : "", own_database(stage))));
  }
}

/// A script, a manifest and a process list show it to others.
void require_no_secrets(const Graph& graph, const std::vector<std::string>& set) {
  for (const std::string& each : set) {
    const std::string key = each.substr(0, each.find('='));
    const std::size_t dot = key.find('.');
    if (dot == std::string::npos) continue;
    const etl_option_spec* spec = graph.option_spec(key.substr(0, dot), key.substr(dot + 1));
    if (spec == nullptr || (spec->flags & ETL_OPTION_SECRET) == 0) continue;
    throw Error::config(
        fmt::format("--set {}: the option is secret, and the job's script would show it. Write {} "
                    "= \"${{NAME}}\" "
                    "in the pipeline file and give NAME in the environment",
                    key, key.substr(dot + 1)));
  }
}

/// `connections` of a source is, by its name, a limit over the whole run.
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

class Maker {
 public:
  Maker(const Session& session, const runtime::Pipeline& pipeline,
        const runtime::Preflight& preflight)
      : arguments_(session.arguments),
        pipeline_(pipeline),
        graph_(*pipeline.graph),
        ledger_(preflight.ledger) {}

  Job make() {
    require_shared_sinks(graph_, arguments_.engine);
    require_no_secrets(graph_, arguments_.set);
    job_.pipeline = pipeline_.file.name;
    job_.name = engine_name(job_.pipeline);
    job_.file = std::filesystem::absolute(pipeline_.request.path);
    job_.work_folder = std::filesystem::current_path();
    choose_folder();
    job_.workers = std::max<std::int64_t>(1, pipeline_.file.run.workers);
    job_.memory = pipeline_.file.run.memory_limit;
    job_.planned = runtime::plan_partitions(graph_, {arguments_.only, arguments_.limit});
    find_wanted();
    cut();
    limit_connections();
    compose();
    return std::move(job_);
  }

 private:
  /// Named after the job and the time; somebody may submit it twice in a second.
  [[nodiscard]] std::filesystem::path unused_folder() const {
    const std::filesystem::path jobs("etl-jobs");
    const std::string name =
        fmt::format("{}-{:%Y%m%dT%H%M%SZ}", job_.name, fmt::gmtime(std::time(nullptr)));
    std::filesystem::path folder = jobs / name;
    std::error_code unreadable;  // then making it says why
    for (int i = 2; std::filesystem::exists(folder, unreadable); ++i)
      folder = jobs / fmt::format("{}-{}", name, i);
    return folder;
  }

  void choose_folder() {
    job_.folder = arguments_.job_dir.empty() ? unused_folder() : arguments_.job_dir;
    job_.folder = std::filesystem::absolute(job_.folder).lexically_normal();
    // What engines would read as something else than a part of a path.
    if (job_.folder.string().find_first_of("%\"\\\n") == std::string::npos) return;
    throw Error::config(fmt::format("--job-dir: {} has a %, quote, backslash or line break in it",
                                    job_.folder.string()));
  }

  void find_wanted() {
    for (std::size_t i = 0; i < job_.planned.size(); ++i) {
      const runtime::PlannedPartition& planned = job_.planned[i];
      for (const NodeIndex sink : graph_.sinks_of(planned.source)) {
        const LedgerRecord* record =
            ledger_.find(sink, graph_[planned.source].name, planned.partition.id);
        const bool done = record != nullptr && record->state == State::done;
        if (done && !arguments_.reload) continue;
        job_.wanted.push_back({sink, i, record == nullptr ? 0 : record->finished_at});
      }
    }
  }

  /// As many shares of the whole plan as give each some seconds of what is left to do.
  void cut() {
    std::set<std::size_t> to_do;
    for (const Wanted& wanted : job_.wanted) to_do.insert(wanted.planned);
    double seconds = 0;
    for (const std::size_t planned : to_do) {
      const std::int64_t bytes = job_.planned[planned].partition.bytes;
      seconds += bytes < 0 ? seconds_of_unknown : static_cast<double>(bytes) / bytes_per_second;
    }
    const auto fitting = static_cast<std::size_t>(std::floor(seconds / seconds_of_task));
    job_.tasks = std::clamp<std::size_t>(std::min(fitting, to_do.size()), 1, most_tasks);
    if (arguments_.tasks) job_.tasks = static_cast<std::size_t>(*arguments_.tasks);
    if (job_.tasks > most_tasks) {
      throw Error::config(
          fmt::format("--tasks {}: there may be {} at most; give each task more to do", job_.tasks,
                      most_tasks));
    }
    job_.task_of = runtime::shares_of(job_.planned, job_.tasks);
    std::set<std::size_t> to_start;
    for (const std::size_t planned : to_do) to_start.insert(job_.task_of[planned]);
    job_.to_start.assign(to_start.begin(), to_start.end());
  }

  /// Tasks at once times connections of each is at most what the file allows.
  void limit_connections() {
    const auto limits = connection_limits(graph_);
    std::size_t most = std::max<std::size_t>(1, job_.to_start.size());
    if (arguments_.tasks_at_once)
      most = std::min(most, static_cast<std::size_t>(*arguments_.tasks_at_once));
    else most = std::min(most, most_at_once);
    for (const auto& [source, connections] : limits) {
      if (arguments_.tasks_at_once && *arguments_.tasks_at_once > connections) {
        throw Error::config(
            fmt::format("--tasks-at-once {}: source \"{}\" may have {} connections over the whole "
                        "run, and every "
                        "task needs one; give at most {}, or raise it: --set {}.connections=N",
                        *arguments_.tasks_at_once, source, connections, connections, source));
      }
      most = std::min(most, static_cast<std::size_t>(connections));
    }
    job_.at_once = most;
    for (const auto& [source, connections] : limits) {
      connections_.push_back(
          fmt::format("{}.connections={}", source, connections / static_cast<std::int64_t>(most)));
    }
  }

  void compose() {
    auto& words = job_.arguments;
    const auto add = [&](const char* flag, const std::string& value) {
      words.emplace_back(flag);
      words.push_back(value);
    };
    add("--now", moment_text(*pipeline_.request.now));
    for (const std::string& set : arguments_.set) add("--set", set);
    for (const std::string& set : connections_) add("--set", set);
    add("--set", fmt::format("run.workers={}", job_.workers));
    for (const std::string& glob : arguments_.only) add("--only", glob);
    if (arguments_.limit) add("--limit", std::to_string(*arguments_.limit));
    for (const auto& folder : arguments_.plugin_dirs)
      add("--plugin-dir", std::filesystem::absolute(folder).string());
    add("--progress", "plain");
    if (arguments_.reload) words.emplace_back("--reload");
  }

  const Arguments& arguments_;
  const runtime::Pipeline& pipeline_;
  const Graph& graph_;
  const runtime::LedgerView& ledger_;
  std::vector<std::string> connections_;
  Job job_;
};

}  // namespace

std::size_t Job::partitions_to_do() const {
  std::set<std::size_t> to_do;
  for (const Wanted& each : wanted) to_do.insert(each.planned);
  return to_do.size();
}

Job make_job(const Session& session, const runtime::Pipeline& pipeline,
             const runtime::Preflight& preflight) {
  return Maker(session, pipeline, preflight).make();
}

}  // namespace etl::app
