#include "core/app/cli/verb.hpp"
#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/config/task_paths.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/lost_target.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/pipeline/preflight.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace etl::app {
namespace {

using nlohmann::json;
using runtime::NodeIndex;
using runtime::Pipeline;

struct MergeOptions {
  std::filesystem::path file;
  std::filesystem::path into;  ///< empty = beside the tasks' databases
  std::string sink;            ///< empty = every sink with {task}
};

/// {task, partitions (copied), skipped (already in the target), rows (copied)}, and an "error" if
/// nothing was copied.
using MergedTask = json;
struct MergedSink {
  std::string sink, into;
  std::vector<MergedTask> tasks;
};

std::vector<NodeIndex> chosen_sinks(const runtime::Graph& graph, const MergeOptions& options) {
  std::vector<NodeIndex> chosen;
  std::vector<std::string> names;
  for (const NodeIndex sink : graph.of_kind(runtime::Kind::sink)) {
    if (runtime::per_task(graph[sink]).empty()) continue;
    names.push_back(graph[sink].name);
    if (options.sink.empty() || options.sink == graph[sink].name) chosen.push_back(sink);
  }
  if (names.empty()) {
    throw Error::config(
        "no sink has {task} in its path, so there is one database and nothing to merge");
  }
  if (chosen.empty()) {
    throw Error::config(fmt::format("--sink: there is no sink \"{}\" with {{task}} in its path; {}",
                                    options.sink, runtime::did_you_mean(options.sink, names)));
  }
  if (!options.into.empty() && chosen.size() > 1)
    throw Error::config("--into: there are several sinks with {task}; choose one with --sink");
  return chosen;
}

/// Merges what the tasks of one sink have written, in one transaction per task. The target's ledger
/// lists the partitions it has, so a merge that was killed is simply repeated.
class SinkMerge {
 public:
  SinkMerge(const Session& session, const MergeOptions& options, const Pipeline& pipeline,
            NodeIndex sink)
      : session_(session), options_(options), pipeline_(pipeline), sink_(sink) {}

  MergedSink run(const std::vector<runtime::PlannedPartition>& planned) {
    const runtime::Node& node = (*pipeline_.graph)[sink_];
    const runtime::SinkStage& stage = pipeline_.graph->sink(sink_);
    if (!stage.can_merge()) throw stage.failure(Error::config("its plugin cannot merge databases"));
    open_target();
    for (const auto& each : planned)
      planned_.emplace(std::pair((*pipeline_.graph)[each.source].name, each.partition.id),
                       each.partition);
    const std::vector<std::int64_t> tasks = runtime::tasks_found(node);
    std::vector<std::unique_ptr<Pipeline>> from;
    // Check every task before anything is moved.
    for (const std::int64_t task : tasks) {
      from.push_back(pipeline_.open_task(task));
      require_same_definition(*from.back());
    }
    if (!tasks.empty()) {
      runtime::require_target(*(*target_)->graph, sink_, pipeline_.file.name);
      (*target_)->graph->sink(sink_).prepare(node.in);
    }
    for (std::size_t i = 0; i < tasks.size() && !session_.cancellation.requested(); ++i)
      result_.tasks.push_back(merge(tasks[i], *from[i]));
    return std::move(result_);
  }

 private:
  /// Opens the same pipeline with the target's path in place of the tasks' paths.
  void open_target() {
    const auto& paths = runtime::per_task((*pipeline_.graph)[sink_]);
    if (!options_.into.empty() && paths.size() > 1) {
      throw Error::config(
          "--into: several options of the sink have {task}; without --into, \"all\" takes its "
          "place");
    }
    runtime::OpenRequest request = pipeline_.request;
    for (const auto& [option, path] : paths) {
      result_.into = options_.into.empty()
                         ? runtime::with_task(path, "all")
                         : std::filesystem::absolute(options_.into).lexically_normal().string();
      if (runtime::is_per_task(result_.into))
        throw Error::config("--into: names one database, so it cannot contain {task}");
      for (const std::int64_t task : runtime::tasks_found((*pipeline_.graph)[sink_])) {
        if (runtime::with_task(path, std::to_string(task)) != result_.into) continue;
        throw Error::config(
            fmt::format("--into: {} is the database of task {} itself", result_.into, task));
      }
      request.set.push_back(
          fmt::format("{}.{}={}", (*pipeline_.graph)[sink_].name, option, result_.into));
    }
    result_.sink = (*pipeline_.graph)[sink_].name;
    target_ = std::make_unique<OpenedPipeline>(session_, request);
    require_same_definition(**target_);
  }

  void require_same_definition(const Pipeline& one) {
    runtime::LedgerView ledger;
    ledger.load(*one.graph, sink_, pipeline_.file.name);
    const auto changed = runtime::changed_definition(*one.graph, sink_, ledger);
    if (!changed) return;
    throw Error::config(fmt::format("{}: {}; merge with the pipeline file that loaded them, or {}",
                                    name_of(one), *changed, runtime::changed_definition_remedy));
  }

  /// The path of the sink's database.
  std::string name_of(const Pipeline& one) const {
    const runtime::Node& node = (*one.graph)[sink_];
    const auto& paths = runtime::per_task((*pipeline_.graph)[sink_]);
    for (const etl_option& option : node.options->values()) {
      if (paths.contains(std::string(option.name.data, option.name.size)))
        return {option.value.s.data, option.value.s.size};
    }
    return node.name;
  }

  MergedTask merge(std::int64_t task, const Pipeline& from) {
    MergedTask merged = {{"task", task}, {"partitions", 0}, {"skipped", 0}, {"rows", 0}};
    try {
      copy(from, merged);
    } catch (const runtime::StageError& error) {
      if (error.code() == Code::cancelled) return merged;
      merged["error"] = session_.conceal(error.message());
      session_.log.error(merged["error"].get<std::string>());
    }
    return merged;
  }

  void copy(const Pipeline& from, MergedTask& merged) {
    const runtime::SinkStage& target = (*target_)->graph->sink(sink_);
    const runtime::SinkStage& stage = from.graph->sink(sink_);
    runtime::LedgerView there;
    there.load(*(*target_)->graph, sink_, pipeline_.file.name);
    const auto is_done = [&](const LedgerRecord& record) {
      return there.done(sink_, record.source, record.partition) != nullptr;
    };
    MergeRequest request{pipeline_.file.name, stage.name(), {}};
    std::vector<LedgerRecord> not_done;
    std::int64_t skipped = 0;
    for (LedgerRecord& record : stage.committed(pipeline_.file.name)) {
      if (is_done(record)) skipped += record.state == State::done ? 1 : 0;
      else if (record.state == State::done) request.parts.push_back(part_of(record));
      else not_done.push_back(std::move(record));
    }
    merged["skipped"] = skipped;
    if (!request.parts.empty())
      merged["rows"] = target.merge(stage, request, (*pipeline_.graph)[sink_].in);
    merged["partitions"] = request.parts.size();
    // Failed and missing partitions are recorded too, unless another task has done them.
    for (const LedgerRecord& record : not_done) target.record(record);
  }

  /// Only the plan knows by which column and value the partition's rows are identified.
  MergeRequest::Part part_of(const LedgerRecord& record) const {
    const auto planned = planned_.find({record.source, record.partition});
    if (planned != planned_.end()) return {record.source, planned->second};
    MergeRequest::Part part{record.source, {}};
    part.partition.id = record.partition;
    return part;
  }

  const Session& session_;
  const MergeOptions& options_;
  const Pipeline& pipeline_;
  const NodeIndex sink_;
  std::unique_ptr<OpenedPipeline> target_;
  std::map<std::pair<std::string, std::string>, Partition> planned_;  // by source and id
  MergedSink result_;
};

json as_json(const Pipeline& pipeline, const std::vector<MergedSink>& sinks) {
  json list = json::object();
  for (const MergedSink& sink : sinks)
    list[sink.sink] = {{"into", sink.into}, {"tasks", sink.tasks}};
  return {{"pipeline", pipeline.file.name}, {"sinks", list}};
}

void print_text(const std::vector<MergedSink>& sinks) {
  std::string out;
  for (const MergedSink& sink : sinks) {
    out += fmt::format("sink \"{}\" into {}\n", sink.sink, sink.into);
    if (sink.tasks.empty()) out += "  no task databases found\n";
    for (const MergedTask& each : sink.tasks) {
      out += fmt::format("  task {}: {} with {} merged", each["task"].get<std::int64_t>(),
                         runtime::counted(each["partitions"], "partition"),
                         runtime::counted(each["rows"], "row"));
      if (each["skipped"] > 0)
        out += fmt::format(", {} already there", runtime::grouped(each["skipped"]));
      out += "\n";
      if (each.contains("error"))
        out += fmt::format("    refused: {}\n", each["error"].get<std::string>());
    }
  }
  print(out);
}

class Merge : public Verb {
 public:
  Merge()
      : Verb("merge",
             "Merge the per-task databases of sinks with {task} in their path; safe to repeat") {}

  void declare(Options& options) override {
    declare_pipeline_file(options, options_.file);
    options.value("--into", options_.into,
                  "Database to create or to add to; default: the sink's path with \"all\" for "
                  "{task}");
    options.value("--sink", options_.sink, "Only this sink; default: all with {task}");
    common.declare_set(options);
    common.declare_now(options);
    common.declare_format(options);
  }

  int run(const Session& session) override {
    const OpenedPipeline pipeline = session.open_to_look(options_.file);
    const std::vector<NodeIndex> chosen = chosen_sinks(*pipeline->graph, options_);
    const auto planned = runtime::plan_partitions(*pipeline->graph, {});
    std::vector<MergedSink> sinks;
    sinks.reserve(chosen.size());
    for (const NodeIndex sink : chosen)
      sinks.push_back(SinkMerge(session, options_, *pipeline, sink).run(planned));
    if (session.json()) print_json(as_json(*pipeline, sinks));
    else print_text(sinks);
    if (session.cancellation.requested()) return session.signal_exit_code();
    const bool complete = std::ranges::all_of(sinks, [](const MergedSink& sink) {
      return std::ranges::none_of(sink.tasks,
                                  [](const MergedTask& each) { return each.contains("error"); });
    });
    return complete ? exit_ok : exit_failed;
  }

 private:
  MergeOptions options_;
};

}  // namespace

std::unique_ptr<Verb> merge_verb() { return std::make_unique<Merge>(); }

}  // namespace etl::app
