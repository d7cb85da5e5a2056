#include "core/app/cli/exit_codes.hpp"
#include "core/app/cli/session.hpp"
#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/config/task_paths.hpp"
#include "core/runtime/pipeline/definition_change.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace etl::app {
namespace {

using nlohmann::json;
using runtime::NodeIndex;
using runtime::Pipeline;

/// What one task's database gave.
struct Merged {
  std::int64_t task = 0;
  std::int64_t partitions = 0;  ///< copied
  std::int64_t skipped = 0;     ///< are in the target already
  std::int64_t rows = 0;        ///< copied
  std::string error;            ///< why nothing was; empty = all went well
};

struct MergedSink {
  std::string sink, into;
  std::vector<Merged> tasks;
};

std::vector<NodeIndex> chosen_sinks(const runtime::Graph& graph, const Arguments& arguments) {
  std::vector<NodeIndex> chosen;
  std::vector<std::string> names;
  for (const NodeIndex sink : graph.of_kind(runtime::Kind::sink)) {
    if (runtime::per_task(graph[sink]).empty()) continue;
    names.push_back(graph[sink].name);
    if (arguments.sink.empty() || arguments.sink == graph[sink].name) chosen.push_back(sink);
  }
  if (names.empty()) {
    throw Error::config(
        "no sink has {task} in its path, so there is one database and nothing to merge");
  }
  if (chosen.empty()) {
    throw Error::config(fmt::format("--sink: there is no sink \"{}\" with {{task}} in its path; {}",
                                    arguments.sink, runtime::did_you_mean(arguments.sink, names)));
  }
  if (!arguments.into.empty() && chosen.size() > 1)
    throw Error::config("--into: there are several sinks with {task}; choose one with --sink");
  return chosen;
}

/// Unites what the tasks of one sink have written, one transaction a task: a merge that was killed
/// is simply made again. Which partitions are united already, the target's ledger says.
class SinkMerge {
 public:
  SinkMerge(const Session& session, const runtime::StageRegistry& registry,
            const Pipeline& pipeline, NodeIndex sink)
      : session_(session), registry_(registry), pipeline_(pipeline), sink_(sink) {}

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
    // All is looked at before anything is moved.
    for (const std::int64_t task : tasks) {
      from.push_back(pipeline_.open_task(task));
      require_same_definition(*from.back());
    }
    if (!tasks.empty()) target_->graph->sink(sink_).prepare(node.in);
    for (std::size_t i = 0; i < tasks.size() && !session_.cancellation.requested(); ++i)
      result_.tasks.push_back(merge(tasks[i], *from[i]));
    return std::move(result_);
  }

 private:
  /// The same pipeline, with the target's path in place of the tasks'.
  void open_target() {
    const auto& paths = runtime::per_task((*pipeline_.graph)[sink_]);
    const Arguments& arguments = session_.arguments;
    if (!arguments.into.empty() && paths.size() > 1) {
      throw Error::config(
          "--into: several options of the sink have {task}; leave it out, and "
          "\"all\" takes its place");
    }
    runtime::OpenRequest request = session_.open_request();
    for (const auto& [option, path] : paths) {
      result_.into = arguments.into.empty()
                         ? runtime::with_task(path, "all")
                         : std::filesystem::absolute(arguments.into).lexically_normal().string();
      if (runtime::is_per_task(result_.into))
        throw Error::config("--into: names one database, so there is no {task} in it");
      for (const std::int64_t task : runtime::tasks_found((*pipeline_.graph)[sink_])) {
        if (runtime::with_task(path, std::to_string(task)) != result_.into) continue;
        throw Error::config(
            fmt::format("--into: {} is the database of task {} itself", result_.into, task));
      }
      request.set.push_back(
          fmt::format("{}.{}={}", (*pipeline_.graph)[sink_].name, option, result_.into));
    }
    result_.sink = (*pipeline_.graph)[sink_].name;
    runtime::Diagnostics diagnostics;
    target_ = runtime::open_pipeline(request, registry_, session_.cancellation, session_.log,
                                     diagnostics);
    if (target_ == nullptr) throw Error::config(diagnostics.text(false));
    require_same_definition(*target_);
  }

  void require_same_definition(const Pipeline& one) {
    runtime::LedgerView ledger;
    ledger.load(*one.graph, sink_, pipeline_.file.name);
    const auto changed = runtime::changed_definition(*one.graph, sink_, ledger);
    if (!changed) return;
    throw Error::config(fmt::format("{}: {}; merge with the file that they were loaded with, or {}",
                                    name_of(one), *changed, runtime::changed_definition_remedy));
  }

  /// The target of a sink as it tells it itself.
  std::string name_of(const Pipeline& one) const {
    const runtime::Node& node = (*one.graph)[sink_];
    const auto& paths = runtime::per_task((*pipeline_.graph)[sink_]);
    for (const etl_option& option : node.options->values()) {
      if (paths.contains(std::string(option.name.data, option.name.size)))
        return {option.value.s.data, option.value.s.size};
    }
    return node.name;
  }

  Merged merge(std::int64_t task, const Pipeline& from) {
    Merged merged{task, 0, 0, 0, {}};
    try {
      unite(from, merged);
    } catch (const runtime::StageError& error) {
      if (error.code() == Code::cancelled) return merged;
      merged.error = session_.log.redactor().conceal(error.message());
      session_.log.error(merged.error);
    }
    return merged;
  }

  void unite(const Pipeline& from, Merged& merged) {
    const runtime::SinkStage& target = target_->graph->sink(sink_);
    const runtime::SinkStage& stage = from.graph->sink(sink_);
    runtime::LedgerView there;
    there.load(*target_->graph, sink_, pipeline_.file.name);
    const auto is_done = [&](const LedgerRecord& record) {
      return there.done(sink_, record.source, record.partition) != nullptr;
    };
    MergeRequest request{pipeline_.file.name, stage.name(), {}};
    std::vector<LedgerRecord> not_done;
    for (LedgerRecord& record : stage.committed(pipeline_.file.name)) {
      if (is_done(record)) merged.skipped += record.state == State::done ? 1 : 0;
      else if (record.state == State::done) request.parts.push_back(part_of(record));
      else not_done.push_back(std::move(record));
    }
    if (!request.parts.empty())
      merged.rows = target.merge(stage, request, (*pipeline_.graph)[sink_].in);
    merged.partitions = static_cast<std::int64_t>(request.parts.size());
    // What failed or was missing, as far as no other task has done it: for people to see.
    for (const LedgerRecord& record : not_done) target.record(record);
  }

  /// The plan alone knows by which column and value the rows are told.
  MergeRequest::Part part_of(const LedgerRecord& record) const {
    const auto planned = planned_.find({record.source, record.partition});
    if (planned != planned_.end()) return {record.source, planned->second};
    MergeRequest::Part part{record.source, {}};
    part.partition.id = record.partition;
    return part;
  }

  const Session& session_;
  const runtime::StageRegistry& registry_;
  const Pipeline& pipeline_;
  const NodeIndex sink_;
  std::unique_ptr<Pipeline> target_;
  std::map<std::pair<std::string, std::string>, Partition> planned_;  // by source and id
  MergedSink result_;
};

json as_json(const Pipeline& pipeline, const std::vector<MergedSink>& sinks) {
  json list = json::object();
  for (const MergedSink& sink : sinks) {
    json tasks = json::array();
    for (const Merged& each : sink.tasks) {
      json entry = {{"task", each.task},
                    {"partitions", each.partitions},
                    {"skipped", each.skipped},
                    {"rows", each.rows}};
      if (!each.error.empty()) entry["error"] = each.error;
      tasks.push_back(std::move(entry));
    }
    list[sink.sink] = {{"into", sink.into}, {"tasks", tasks}};
  }
  return {{"pipeline", pipeline.file.name}, {"sinks", list}};
}

void print_text(const std::vector<MergedSink>& sinks) {
  std::string out;
  for (const MergedSink& sink : sinks) {
    out += fmt::format("sink \"{}\" into {}\n", sink.sink, sink.into);
    if (sink.tasks.empty()) out += "  there is no task's database\n";
    for (const Merged& each : sink.tasks) {
      out += fmt::format("  task {}: {} partitions with {} rows merged", each.task,
                         runtime::grouped(each.partitions), runtime::grouped(each.rows));
      if (each.skipped > 0)
        out += fmt::format(", {} there already", runtime::grouped(each.skipped));
      out += each.error.empty() ? "\n" : fmt::format("\n    refused: {}\n", each.error);
    }
  }
  print(out);
}

}  // namespace

int merge(const Session& session) {
  const runtime::StageRegistry registry = session.registry();
  runtime::Diagnostics diagnostics;
  const auto pipeline = runtime::open_pipeline(session.open_request(), registry,
                                               session.cancellation, session.log, diagnostics);
  if (pipeline == nullptr) return report(session, diagnostics);
  const std::vector<NodeIndex> chosen = chosen_sinks(*pipeline->graph, session.arguments);
  const auto planned = runtime::plan_partitions(*pipeline->graph, {});
  std::vector<MergedSink> sinks;
  sinks.reserve(chosen.size());
  for (const NodeIndex sink : chosen)
    sinks.push_back(SinkMerge(session, registry, *pipeline, sink).run(planned));
  if (session.arguments.format == Format::json) print_json(as_json(*pipeline, sinks));
  else print_text(sinks);
  if (session.cancellation.requested()) return exit_signal + session.cancellation.reason();
  const bool whole = std::ranges::all_of(sinks, [](const MergedSink& sink) {
    return std::ranges::all_of(sink.tasks, &std::string::empty, &Merged::error);
  });
  return whole ? exit_ok : exit_failed;
}

}  // namespace etl::app
