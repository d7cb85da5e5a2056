#include "core/runtime/pipeline/plan.hpp"

#include "core/app/cli/verb.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/pipeline/in_progress.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/preflight.hpp"

#include <fmt/format.h>

namespace etl::app {
namespace {

using nlohmann::json;
using runtime::Graph;
using runtime::NodeIndex;

/// The state of a partition in one sink's ledger, and why a run would load it.
json sink_state(const Graph& graph, NodeIndex sink, const runtime::LedgerView& ledger,
                const runtime::PlannedPartition& planned, const runtime::Redactor& redactor) {
  if (!graph.sink(sink).transactional()) return {{"state", "pending"}, {"reason", "no ledger"}};
  if (!ledger.knows(sink)) return {{"state", "pending"}, {"reason", "unreachable"}};
  const LedgerRecord* record = ledger.find(sink, graph[planned.source].name, planned.partition.id);
  if (record == nullptr) return {{"state", "pending"}, {"reason", "new"}};
  json state = {{"state", state_name(record->state)},
                {"attempts", record->attempts},
                {"finished_at", runtime::utc_text(record->finished_at / 1'000'000)},
                {"run_id", record->run_id}};
  if (record->state == State::done) {
    state["rows_read"] = record->rows_read;
    state["rows_written"] = record->rows_written;
  } else {
    state["reason"] = state_name(record->state);
  }
  if (!record->error.empty()) state["error"] = redactor.conceal(record->error);
  return state;
}

/// The state of a partition with several sinks: the one that decides what a run would do.
std::string overall(const json& sinks) {
  bool done = true;
  std::string other = "pending";
  for (const auto& [name, sink] : sinks.items()) {
    const std::string state = sink["state"];
    done = done && state == "done";
    if (state == "failed" || (state == "missing" && other == "pending")) other = state;
  }
  return done ? "done" : other;
}

struct Plan {
  json partitions = json::array();
  json targets = json::array();
  std::map<std::string, std::size_t> states;
};

/// The state shown to people; "unknown" if the sink cannot be reached.
std::string shown_state(const json& sink) {
  return sink.value("reason", "") == "unreachable" ? "unknown" : sink["state"].get<std::string>();
}

/// The runs that are loading the partition.
std::string runs_text(const json& in_hand) {
  std::string text;
  for (const json& each : in_hand) {
    text += fmt::format(
        "{}{} by {}{} since {}", text.empty() ? "" : "; ",
        each["lost"].get<bool>() ? "lost" : "in progress",
        each["task"].is_null() ? "" : fmt::format("task {} on ", each["task"].get<std::string>()),
        each["host"].get<std::string>(), each["since"].get<std::string>());
  }
  return text;
}

/// Why a run would load the partition; empty if it would not.
std::string why(const json& sink) {
  if (sink.contains("in_hand")) return runs_text(sink["in_hand"]);
  const std::string reason = sink.value("reason", "");
  const std::string error = sink.contains("error") ? ": " + sink["error"].get<std::string>() : "";
  if (reason == "new") return "never tried, or forgotten";
  if (reason == "failed") return "failed before" + error;
  if (reason == "missing") return "was missing" + error;
  if (reason == "unreachable") return "the sink cannot be reached";
  if (reason == "no ledger") return "the sink keeps no ledger: every run loads it";
  return "";
}

using InProgressBySink = std::map<NodeIndex, std::vector<runtime::InProgress>>;

InProgressBySink find_in_progress(const runtime::Pipeline& pipeline,
                                  const runtime::LedgerView& ledger) {
  InProgressBySink found;
  for (const NodeIndex sink : pipeline.graph->of_kind(runtime::Kind::sink)) {
    found[sink] = ledger.knows(sink) ? runtime::in_progress(pipeline, sink, ledger)
                                     : std::vector<runtime::InProgress>{};
  }
  return found;
}

Plan make_plan(const Session& session, const runtime::Selection& selection,
               const runtime::Pipeline& pipeline, const runtime::Preflight& preflight) {
  const Graph& graph = *pipeline.graph;
  const runtime::LedgerView& ledger = preflight.ledger;
  const runtime::Redactor& redactor = session.log.redactor();
  Plan plan;
  for (const runtime::TargetState& target : preflight.targets) {
    json entry = {{"sink", graph[target.sink].name},
                  {"name", redactor.conceal(target.name)},
                  {"ddl", redactor.conceal(target.ddl)},
                  {"exists", nullptr}};
    if (!target.unreachable && !target.name.empty()) entry["exists"] = target.ddl.empty();
    if (target.unreachable) entry["unreachable"] = redactor.conceal(target.unreachable->message());
    plan.targets.push_back(std::move(entry));
  }
  const InProgressBySink in_hand = find_in_progress(pipeline, ledger);
  for (const runtime::PlannedPartition& planned : runtime::plan_partitions(graph, selection)) {
    json sinks = json::object();
    for (const NodeIndex sink : graph.sinks_of(planned.source)) {
      json& state = sinks[graph[sink].name];
      state = sink_state(graph, sink, ledger, planned, redactor);
      for (const runtime::InProgress& each : in_hand.at(sink)) {
        if (each.record.source == graph[planned.source].name &&
            each.record.partition == planned.partition.id)
          state["in_hand"].push_back(runtime::as_json(each));
      }
    }
    json entry = {{"source", graph[planned.source].name},
                  {"partition", planned.partition.id},
                  {"uri", redactor.conceal(planned.partition.uri)},
                  {"bytes", nullptr},
                  {"state", overall(sinks)}};
    if (planned.partition.bytes >= 0) entry["bytes"] = planned.partition.bytes;
    ++plan.states[entry["state"]];
    entry["sinks"] = std::move(sinks);
    plan.partitions.push_back(std::move(entry));
  }
  return plan;
}

std::string target_text(const json& target) {
  const auto text = [&](const char* key) {
    return runtime::printable(target[key].get<std::string>(), "\n");
  };
  const std::string sink = fmt::format("sink \"{}\"", text("sink"));
  if (target.contains("unreachable")) {
    return fmt::format("{} cannot be reached: {}\n", sink, text("unreachable"));
  }
  if (target["exists"].is_null()) return sink + " does not describe its target\n";
  if (target["exists"].get<bool>()) {
    return fmt::format("{} writes {}, which exists\n", sink, text("name"));
  }
  return fmt::format("{} writes {}, to be created:\n{}\n", sink, text("name"), text("ddl"));
}

void print_text(const runtime::Pipeline& pipeline, const std::string& delivery, const Plan& plan) {
  std::string out = fmt::format("pipeline \"{}\": {}\n", pipeline.file.name, delivery);
  for (const json& target : plan.targets) out += target_text(target);
  std::vector<std::vector<std::string>> table = {
      {"partition", "source", "state", "rows", "when", "attempts", "why"}};
  std::size_t unknown = 0;
  for (const json& partition : plan.partitions) {
    bool known = true;
    for (const auto& [name, sink] : partition["sinks"].items()) {
      const std::string state = shown_state(sink);
      known = known && state != "unknown";
      table.push_back(
          {partition["partition"], partition["source"],
           partition["sinks"].size() > 1 ? fmt::format("{} in {}", state, name) : state,
           sink.contains("rows_written") ? runtime::grouped(sink["rows_written"]) : "",
           sink.value("finished_at", ""),
           sink.contains("attempts") ? std::to_string(sink["attempts"].get<std::int64_t>()) : "",
           why(sink)});
    }
    unknown += known ? 0 : 1;
  }
  out += runtime::aligned(table);
  out += fmt::format("{} partitions", plan.partitions.size());
  for (const auto& [state, count] : plan.states) out += fmt::format(", {} {}", count, state);
  if (unknown > 0) out += fmt::format("; of {} a sink's state is unknown", unknown);
  print(out + "\n");
}

class PlanVerb : public Verb {
 public:
  PlanVerb() : Verb("plan", "Show what a run would do; moves nothing") {}

  void declare(Options& options) override {
    declare_pipeline_file(options, file_);
    common.declare_now(options);
    common.declare_set(options);
    selection_.declare(options);
    common.declare_format(options);
  }

  int run(const Session& session) override {
    const OpenedPipeline pipeline = session.open(file_);
    const runtime::Preflight preflight = pipeline.run_preflight(false);
    session.require_not_stopped();
    const Plan plan = make_plan(session, {selection_.only, selection_.limit}, *pipeline, preflight);
    session.require_not_stopped();
    const std::string delivery = pipeline->graph->exactly_once() ? "exactly-once" : "at-least-once";
    if (session.json()) {
      print_json({{"pipeline", pipeline->file.name},
                  {"delivery", delivery},
                  {"targets", plan.targets},
                  {"partitions", plan.partitions},
                  {"states", plan.states}});
    } else {
      print_text(*pipeline, delivery, plan);
    }
    return exit_ok;
  }

 private:
  std::filesystem::path file_;
  SelectionOptions selection_;
};

}  // namespace

std::unique_ptr<Verb> plan_verb() { return std::make_unique<PlanVerb>(); }

}  // namespace etl::app
