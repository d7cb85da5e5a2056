#include "core/app/cli/verb.hpp"
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

struct ForgetOptions {
  std::filesystem::path file;
  std::string action;  ///< "forget"
  std::string glob;
  std::string source;  ///< empty = every source
  std::string sink;    ///< empty = every sink that keeps a ledger
  bool delete_rows = false;
};

/// The result: each record that was to be forgotten, and the sinks whose ledger was not changed at
/// all. A record that stays has an "error".
struct ForgetResult {
  json partitions = json::array();
  json untouched_sinks = json::array();
  bool complete = true;
};

bool has_rows(const LedgerRecord& record) {
  return record.state == State::done && record.rows_written > 0;
}

/// The named sink, or all sinks that keep a ledger.
std::vector<NodeIndex> chosen_sinks(const Graph& graph, const std::string& name) {
  std::vector<NodeIndex> chosen;
  std::vector<std::string> names;
  for (const NodeIndex sink : graph.of_kind(runtime::Kind::sink)) {
    names.push_back(graph[sink].name);
    const bool wanted = name.empty() ? graph.sink(sink).transactional() : graph[sink].name == name;
    if (wanted) chosen.push_back(sink);
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

/// Forgets the matching partitions, sink by sink, each in a transaction of its own. Once it has
/// forgotten one nothing is thrown, so that the result is reported even after a stop.
class Forget {
 public:
  Forget(const Session& session, const ForgetOptions& options, const runtime::Pipeline& pipeline)
      : session_(session), options_(options), pipeline_(pipeline), graph_(*pipeline.graph) {}

  ForgetResult run() {
    const std::vector<NodeIndex> sinks = chosen_sinks(graph_, options_.sink);
    for (const NodeIndex sink : sinks) load(sink);
    require_known_source();
    if (options_.delete_rows) plan();
    for (const NodeIndex sink : sinks) forget(sink);
    require_match(sinks);
    return std::move(result_);
  }

 private:
  void load(NodeIndex sink) {
    const runtime::SinkStage& stage = graph_.sink(sink);
    try {
      runtime::require_one_database(pipeline_, sink);
      if (!stage.can_forget()) {
        throw stage.failure(Error::permanent("its plugin cannot forget partitions"));
      }
      ledger_.load(graph_, sink, pipeline_.file.name);
    } catch (const StageError& error) {
      if (error.code() == Code::config) throw;  // nothing was changed yet
      result_.untouched_sinks.push_back(
          {{"sink", graph_[sink].name}, {"error", session_.conceal(error.message())}});
      result_.complete = false;
    }
  }

  /// Also accepts a source that the file no longer has: a ledger may have partitions of it.
  void require_known_source() const {
    const std::string& name = options_.source;
    if (name.empty() || !result_.complete) return;
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

  /// Only the plan knows by which column and value a partition's rows are identified.
  void plan() {
    for (runtime::PlannedPartition& planned : runtime::plan_partitions(graph_)) {
      if (!runtime::selected({{options_.glob}, {}}, planned.partition.id)) continue;
      const std::string& source = graph_[planned.source].name;
      std::string id = planned.partition.id;
      planned_.emplace(std::pair(source, std::move(id)), std::move(planned.partition));
    }
  }

  [[nodiscard]] bool is_of_source(const LedgerRecord& record) const {
    return options_.source.empty() || record.source == options_.source;
  }

  /// Throws if nothing matches: a typing error must not look like success.
  void require_match(const std::vector<NodeIndex>& sinks) const {
    if (!result_.partitions.empty() || !result_.complete) return;
    if (session_.cancellation.requested()) return;
    std::int64_t records = 0;
    for (const NodeIndex sink : sinks) {
      records += std::ranges::count_if(ledger_.records(sink),
                                       [&](const auto& each) { return is_of_source(each); });
    }
    throw Error::permanent(fmt::format(
        "none of {} in the ledger of pipeline \"{}\" is of a partition that matches \"{}\"",
        runtime::counted(records, "record"), pipeline_.file.name, options_.glob));
  }

  void forget(NodeIndex sink) {
    const runtime::Selection selection{{options_.glob}, {}};
    for (const LedgerRecord& record : ledger_.records(sink)) {
      if (!is_of_source(record) || !runtime::selected(selection, record.partition)) continue;
      if (session_.cancellation.requested()) return;
      json entry = {{"sink", graph_[sink].name},
                    {"source", record.source},
                    {"partition", record.partition},
                    {"state", state_name(record.state)},
                    {"rows_written", record.rows_written},
                    {"forgotten", true},
                    {"rows_deleted", 0}};
      try {
        entry["rows_deleted"] = forget(sink, record);
      } catch (const StageError& error) {
        if (error.code() == Code::cancelled) return;
        entry["forgotten"] = result_.complete = false;
        entry["error"] = session_.conceal(error.message());
      }
      result_.partitions.push_back(std::move(entry));
    }
  }

  std::int64_t forget(NodeIndex sink, const LedgerRecord& record) const {
    const runtime::SinkStage& stage = graph_.sink(sink);
    ForgetRequest request{record.pipeline, record.source, record.sink, {}, false};
    request.partition.id = record.partition;
    if (options_.delete_rows) {
      const auto planned = planned_.find({record.source, record.partition});
      if (planned != planned_.end()) {
        request.partition = planned->second;
        request.delete_rows = true;
      } else if (has_rows(record)) {
        throw stage.failure(Error::permanent(fmt::format(
            "cannot delete the rows of partition \"{}\": the plan no longer has it, and only the "
            "plan identifies its rows. Nothing was changed; forget it without "
            "--delete-rows, or make source \"{}\" plan it again (--set)",
            record.partition, record.source)));
      }
    }
    return stage.forget(request, graph_[sink].in);
  }

  const Session& session_;
  const ForgetOptions& options_;
  const runtime::Pipeline& pipeline_;
  const Graph& graph_;
  runtime::LedgerView ledger_;
  std::map<std::pair<std::string, std::string>, Partition> planned_;  // by source and id
  ForgetResult result_;
};

/// The rows that a forgotten record counted and that are still in the table.
std::int64_t rows_that_stay(const json& entry) {
  return entry["state"] == "done" && entry["rows_deleted"] == 0
             ? entry["rows_written"].get<std::int64_t>()
             : 0;
}

/// Tells what happened to the rows of the forgotten records.
std::string about_rows(bool delete_rows, std::int64_t deleted, std::int64_t stay) {
  if (delete_rows) return runtime::counted(deleted, "row") + " deleted\n";
  if (stay == 0) return {};
  return fmt::format(
      "{} loaded before {}, and the next run loads these partitions again beside them.\n"
      "--delete-rows deletes a partition's rows with its record.\n",
      runtime::counted(stay, "row"), stay == 1 ? "stays" : "stay");
}

void print_text(bool delete_rows, const ForgetResult& found) {
  std::string out;
  for (const json& each : found.untouched_sinks) {
    out += fmt::format("nothing was forgotten in sink \"{}\": {}\n",
                       each["sink"].get<std::string>(), each["error"].get<std::string>());
  }
  std::vector<std::vector<std::string>> table = {
      {"partition", "source", "sink", "was", "rows", "result"}};
  std::size_t gone = 0;
  std::int64_t deleted = 0;
  std::int64_t stay = 0;
  for (const json& each : found.partitions) {
    std::string result = "forgotten";
    const std::int64_t rows = each["rows_deleted"];
    if (!each["forgotten"].get<bool>()) {
      result = "refused: " + each["error"].get<std::string>();
    } else {
      ++gone;
      deleted += rows;
      stay += rows_that_stay(each);
      if (rows > 0) result += fmt::format(", {} deleted", runtime::counted(rows, "row"));
      else if (rows_that_stay(each) > 0) result += ", its rows stay";
    }
    table.push_back({each["partition"], each["source"], each["sink"], each["state"],
                     runtime::grouped(each["rows_written"]), result});
  }
  if (!found.partitions.empty()) {
    out += runtime::aligned(table);
    out += fmt::format("{} of {} forgotten\n", gone, found.partitions.size());
    out += about_rows(delete_rows, deleted, stay);
  }
  print(out);
}

class StateVerb : public Verb {
 public:
  StateVerb()
      : Verb("state",
             "Forget partitions: delete their ledger records, so that the next run loads them "
             "again") {}

  void declare(Options& options) override {
    declare_pipeline_file(options, options_.file);
    options.word("ACTION", options_.action, {"forget"}, "Action; only forget").required = true;
    options
        .value("GLOB", options_.glob,
               "Partitions by id, including those that the plan no longer has. Their loaded rows "
               "stay unless\n--delete-rows is given")
        .required = true;
    options.value("--source", options_.source, "Only partitions of this source");
    options.value("--sink", options_.sink,
                  "Only in the ledger of this sink; default: in all ledgers");
    options.flag("--delete-rows", options_.delete_rows,
                 "Also delete the partitions' rows; refused if they cannot be identified");
    common.declare_set(options);
    common.declare_format(options);
  }

  int run(const Session& session) override {
    const OpenedPipeline pipeline = session.open_to_look(options_.file);
    const ForgetResult result = Forget(session, options_, *pipeline).run();
    if (session.json()) {
      print_json({{"pipeline", pipeline->file.name},
                  {"delete_rows", options_.delete_rows},
                  {"partitions", result.partitions},
                  {"untouched_sinks", result.untouched_sinks}});
    } else {
      print_text(options_.delete_rows, result);
    }
    if (session.cancellation.requested()) return session.signal_exit_code();
    return result.complete ? exit_ok : exit_failed;
  }

 private:
  ForgetOptions options_;
};

}  // namespace

std::unique_ptr<Verb> state_verb() { return std::make_unique<StateVerb>(); }

}  // namespace etl::app
