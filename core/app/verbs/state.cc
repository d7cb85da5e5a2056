#include "core/app/cli/exit_codes.hpp"
#include "core/app/cli/session.hpp"
#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace etl::app {
namespace {

using nlohmann::json;
using runtime::Graph;
using runtime::NodeIndex;
using runtime::StageError;

/// What became of one record of one sink's ledger.
struct Forgotten {
  std::string sink;
  LedgerRecord record;
  std::int64_t rows_deleted = 0;
  std::string error;  ///< why it stays; empty = it is gone
};

/// A sink whose ledger was left alone altogether.
struct Untouched {
  std::string sink;
  std::string error;
};

struct Outcome {
  std::vector<Forgotten> partitions;
  std::vector<Untouched> sinks;

  [[nodiscard]] bool complete() const {
    return sinks.empty() && std::ranges::all_of(partitions, &std::string::empty, &Forgotten::error);
  }
};

bool has_rows(const LedgerRecord& record) {
  return record.state == State::done && record.rows_written > 0;
}

/// The sinks that are meant: the one named, or all that keep a ledger.
std::vector<NodeIndex> chosen_sinks(const Graph& graph, const std::string& name) {
  std::vector<NodeIndex> chosen;
  std::vector<std::string> names;
  for (const NodeIndex sink : graph.of_kind(runtime::Kind::sink)) {
    names.push_back(graph[sink].name);
    const bool meant = name.empty() ? graph.sink(sink).transactional() : graph[sink].name == name;
    if (meant) chosen.push_back(sink);
  }
  if (chosen.empty() && !name.empty()) {
    throw Error::config(fmt::format("--sink: there is no sink \"{}\"; {}", name,
                                    runtime::did_you_mean(name, names)));
  }
  if (chosen.empty() || !graph.sink(chosen.front()).transactional()) {
    throw Error::config(name.empty()
                            ? "no sink of this pipeline keeps a ledger: there is nothing to forget"
                            : fmt::format("--sink: sink \"{}\" keeps no ledger", name));
  }
  return chosen;
}

/// Forgets the partitions that match, sink by sink, each in a transaction of the sink's own. Once
/// it has begun nothing is thrown: what has been done is told, also when asked to stop.
class Forget {
 public:
  Forget(const Session& session, const runtime::Pipeline& pipeline)
      : session_(session), pipeline_(pipeline), graph_(*pipeline.graph) {}

  Outcome run() {
    const std::vector<NodeIndex> sinks = chosen_sinks(graph_, session_.arguments.sink);
    for (const NodeIndex sink : sinks) load(sink);
    require_known_source();
    if (session_.arguments.delete_rows) plan();
    for (const NodeIndex sink : sinks) forget(sink);
    return std::move(outcome_);
  }

 private:
  void load(NodeIndex sink) {
    const runtime::SinkStage& stage = graph_.sink(sink);
    try {
      if (!runtime::per_task(graph_[sink]).empty() && !pipeline_.request.task) {
        throw Error::config(
            fmt::format("sink \"{0}\" has a database for each task; name one: --set {0}.{1}=PATH",
                        graph_[sink].name, runtime::per_task(graph_[sink]).begin()->first));
      }
      if (!stage.can_forget()) {
        throw stage.failure(Error::permanent("its plugin cannot forget partitions"));
      }
      ledger_.load(graph_, sink, pipeline_.file.name);
    } catch (const StageError& error) {
      if (error.code() == Code::config) throw;  // nothing was changed yet
      outcome_.sinks.push_back({graph_[sink].name, error.message()});
    }
  }

  /// A source that the file no longer has may still have partitions in a ledger.
  void require_known_source() const {
    const std::string& name = session_.arguments.source;
    if (name.empty() || !outcome_.sinks.empty()) return;
    std::set<std::string> names;
    for (const NodeIndex source : graph_.of_kind(runtime::Kind::source)) {
      names.insert(graph_[source].name);
    }
    for (const NodeIndex sink : graph_.of_kind(runtime::Kind::sink)) {
      for (const LedgerRecord& record : ledger_.records(sink)) names.insert(record.source);
    }
    if (names.contains(name)) return;
    throw Error::config(fmt::format(
        "--source: there is no source \"{}\", neither in the pipeline nor in its ledgers; {}", name,
        runtime::did_you_mean(name, {names.begin(), names.end()})));
  }

  /// Only the plan knows by which column and value a sink finds a partition's rows.
  void plan() {
    for (runtime::PlannedPartition& planned :
         runtime::plan_partitions(graph_, {{session_.arguments.glob}, {}})) {
      const std::string& source = graph_[planned.source].name;
      std::string id = planned.partition.id;
      planned_.emplace(std::pair(source, std::move(id)), std::move(planned.partition));
    }
  }

  void forget(NodeIndex sink) {
    const runtime::Selection selection{{session_.arguments.glob}, {}};
    const std::string& source = session_.arguments.source;
    for (const LedgerRecord& record : ledger_.records(sink)) {
      if (!runtime::selected(selection, record.partition)) continue;
      if (!source.empty() && record.source != source) continue;
      if (session_.cancellation.requested()) return;
      Forgotten forgotten{graph_[sink].name, record, 0, {}};
      try {
        forgotten.rows_deleted = forget(sink, record);
      } catch (const StageError& error) {
        if (error.code() == Code::cancelled) return;
        forgotten.error = error.message();
      }
      outcome_.partitions.push_back(std::move(forgotten));
    }
  }

  std::int64_t forget(NodeIndex sink, const LedgerRecord& record) const {
    const runtime::SinkStage& stage = graph_.sink(sink);
    ForgetRequest request{record.pipeline, record.source, record.sink, {}, false};
    request.partition.id = record.partition;
    if (session_.arguments.delete_rows) {
      const auto planned = planned_.find({record.source, record.partition});
      if (planned != planned_.end()) {
        request.partition = planned->second;
        request.delete_rows = true;
      } else if (has_rows(record)) {
        throw stage.failure(Error::permanent(fmt::format(
            "cannot delete the rows of partition \"{}\": the plan no longer has it, and only the "
            "plan says which rows are its own. Nothing was changed; forget it without "
            "--delete-rows, or let source \"{}\" plan it again (--set)",
            record.partition, record.source)));
      }
    }
    return stage.forget(request, graph_[sink].in);
  }

  const Session& session_;
  const runtime::Pipeline& pipeline_;
  const Graph& graph_;
  runtime::LedgerView ledger_;
  std::map<std::pair<std::string, std::string>, Partition> planned_;  // by source and id
  Outcome outcome_;
};

json as_json(const Session& session, const runtime::Pipeline& pipeline, const Outcome& outcome) {
  const runtime::Redactor& redactor = session.log.redactor();
  json partitions = json::array();
  for (const Forgotten& each : outcome.partitions) {
    json entry = {{"sink", each.sink},
                  {"source", each.record.source},
                  {"partition", each.record.partition},
                  {"state", state_name(each.record.state)},
                  {"rows_written", each.record.rows_written},
                  {"forgotten", each.error.empty()},
                  {"rows_deleted", each.rows_deleted}};
    if (!each.error.empty()) entry["error"] = redactor.conceal(each.error);
    partitions.push_back(std::move(entry));
  }
  json sinks = json::array();
  for (const Untouched& each : outcome.sinks) {
    sinks.push_back({{"sink", each.sink}, {"error", redactor.conceal(each.error)}});
  }
  return {{"pipeline", pipeline.file.name},
          {"delete_rows", session.arguments.delete_rows},
          {"partitions", partitions},
          {"untouched_sinks", sinks}};
}

/// What the user should know about rows, once the records are gone.
std::string about_rows(const Session& session, const Outcome& outcome) {
  std::int64_t rows = 0;
  for (const Forgotten& each : outcome.partitions) {
    if (!each.error.empty()) continue;
    if (session.arguments.delete_rows) rows += each.rows_deleted;
    else if (has_rows(each.record)) rows += each.record.rows_written;
  }
  if (session.arguments.delete_rows)
    return fmt::format("{} rows deleted\n", runtime::grouped(rows));
  if (rows == 0) return {};
  return fmt::format(
      "The {} rows that were loaded stay, and the next run loads these partitions again, beside "
      "them.\n--delete-rows removes a partition's rows with its record.\n",
      runtime::grouped(rows));
}

void print_text(const Session& session, const runtime::Pipeline& pipeline, const Outcome& outcome) {
  const runtime::Redactor& redactor = session.log.redactor();
  std::string out;
  for (const Untouched& each : outcome.sinks) {
    out += fmt::format("nothing was forgotten in sink \"{}\": {}\n", each.sink,
                       redactor.conceal(each.error));
  }
  std::vector<std::vector<std::string>> table = {
      {"partition", "source", "sink", "was", "rows", "result"}};
  std::size_t gone = 0;
  for (const Forgotten& each : outcome.partitions) {
    std::string result = "refused: " + redactor.conceal(each.error);
    if (each.error.empty()) {
      ++gone;
      result = "forgotten";
      if (each.rows_deleted > 0) {
        result += fmt::format(", {} rows deleted", runtime::grouped(each.rows_deleted));
      } else if (has_rows(each.record)) {
        result += ", its rows stay";
      }
    }
    table.push_back({each.record.partition, each.record.source, each.sink,
                     std::string(state_name(each.record.state)),
                     runtime::grouped(each.record.rows_written), result});
  }
  if (!outcome.partitions.empty()) {
    out += runtime::aligned(table);
    out += fmt::format("{} of {} forgotten\n", gone, outcome.partitions.size());
    out += about_rows(session, outcome);
  } else if (outcome.sinks.empty()) {
    out += fmt::format("nothing to forget: no partition in the ledger of pipeline \"{}\" matches\n",
                       pipeline.file.name);
  }
  print(out);
}

}  // namespace

int state(const Session& session) {
  const runtime::StageRegistry registry = session.registry();
  runtime::Diagnostics diagnostics;
  const auto pipeline = runtime::open_pipeline(session.open_request(), registry,
                                               session.cancellation, session.log, diagnostics);
  if (pipeline == nullptr) return report(session, diagnostics);
  const Outcome outcome = Forget(session, *pipeline).run();
  if (session.arguments.format == Format::json) {
    print_json(as_json(session, *pipeline, outcome));
  } else {
    print_text(session, *pipeline, outcome);
  }
  if (session.cancellation.requested()) return exit_signal + session.cancellation.reason();
  return outcome.complete() ? exit_ok : exit_failed;
}

}  // namespace etl::app
