#include "core/app/exit_codes.hpp"
#include "core/app/verbs.hpp"
#include "core/runtime/planner.hpp"
#include "core/runtime/text_format.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace etl::app {
namespace {

using nlohmann::json;
using runtime::Graph;
using runtime::NodeIndex;

std::string time_text(std::int64_t us) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::gmtime(static_cast<std::time_t>(us / 1'000'000)));
}

/// What one sink's ledger says of one partition.
json sink_state(const LedgerRecord* record) {
  if (record == nullptr) return {{"state", "pending"}};
  json state = {{"state", state_name(record->state)},
                {"attempts", record->attempts},
                {"finished_at", time_text(record->finished_at)},
                {"run_id", record->run_id}};
  if (record->state == State::done) {
    state["rows_read"] = record->rows_read;
    state["rows_written"] = record->rows_written;
  }
  if (!record->error.empty()) state["error"] = record->error;
  return state;
}

/// One word for a partition with several sinks: the one that says what a run would do about it.
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

Plan make_plan(const Session& session, const runtime::Pipeline& pipeline,
               const runtime::Preflight& preflight) {
  const Graph& graph = *pipeline.graph;
  const runtime::LedgerView& ledger = preflight.ledger;
  Plan plan;
  for (const runtime::TargetState& target : preflight.targets) {
    json entry = {{"sink", graph[target.sink].name},
                  {"name", target.name},
                  {"ddl", target.ddl},
                  {"exists", !target.unreachable && target.ddl.empty()}};
    if (target.unreachable)
      entry["unreachable"] = session.log.redactor().conceal(target.unreachable->message());
    plan.targets.push_back(std::move(entry));
  }
  const runtime::Selection selection{session.arguments.only, session.arguments.limit};
  for (const runtime::PlannedPartition& planned : runtime::plan_partitions(graph, selection)) {
    json sinks = json::object();
    for (const NodeIndex sink : graph.sinks_of(planned.source)) {
      sinks[graph[sink].name] =
          sink_state(ledger.find(sink, graph[planned.source].name, planned.partition.id));
    }
    json entry = {{"source", graph[planned.source].name},
                  {"partition", planned.partition.id},
                  {"uri", planned.partition.uri},
                  {"bytes", nullptr},
                  {"state", overall(sinks)}};
    if (planned.partition.bytes >= 0) entry["bytes"] = planned.partition.bytes;
    ++plan.states[entry["state"]];
    entry["sinks"] = std::move(sinks);
    plan.partitions.push_back(std::move(entry));
  }
  return plan;
}

void print_text(const runtime::Pipeline& pipeline, const std::string& delivery, const Plan& plan) {
  std::string out = fmt::format("pipeline \"{}\": {}\n", pipeline.file.name, delivery);
  for (const json& target : plan.targets) {
    out += fmt::format("sink \"{}\" writes {}", target["sink"].get<std::string>(),
                       target["name"].get<std::string>());
    if (target.contains("unreachable")) {
      out +=
          fmt::format(", which cannot be reached: {}\n", target["unreachable"].get<std::string>());
    } else if (target["exists"].get<bool>()) {
      out += ", which exists\n";
    } else {
      out += fmt::format(", to be created:\n{}\n", target["ddl"].get<std::string>());
    }
  }
  std::vector<std::vector<std::string>> table = {
      {"partition", "source", "state", "rows", "when", "attempts", "error"}};
  for (const json& partition : plan.partitions) {
    for (const auto& [name, sink] : partition["sinks"].items()) {
      const std::string state = sink["state"];
      table.push_back(
          {partition["partition"], partition["source"],
           partition["sinks"].size() > 1 ? fmt::format("{} in {}", state, name) : state,
           sink.contains("rows_written") ? runtime::grouped(sink["rows_written"]) : "",
           sink.value("finished_at", ""),
           sink.contains("attempts") ? std::to_string(sink["attempts"].get<std::int64_t>()) : "",
           sink.value("error", "")});
    }
  }
  out += runtime::aligned(table);
  out += fmt::format("{} partitions", plan.partitions.size());
  for (const auto& [state, count] : plan.states) out += fmt::format(", {} {}", count, state);
  std::puts(out.c_str());
}

}  // namespace

int plan(const Session& session) {
  const runtime::StageRegistry registry = session.registry();
  runtime::Diagnostics diagnostics;
  const auto pipeline =
      runtime::open_pipeline({session.arguments.files.front(), session.arguments.set}, registry,
                             session.cancellation, session.log, diagnostics);
  if (pipeline == nullptr) return report(session, diagnostics);
  const runtime::Preflight preflight = runtime::look_ahead(*pipeline, false, diagnostics);
  if (diagnostics.failed()) return report(session, diagnostics);
  const Plan made = make_plan(session, *pipeline, preflight);
  const std::string delivery = pipeline->graph->exactly_once() ? "exactly-once" : "at-least-once";
  if (session.arguments.format == Format::json) {
    print_json({{"pipeline", pipeline->file.name},
                {"delivery", delivery},
                {"targets", made.targets},
                {"partitions", made.partitions},
                {"states", made.states}});
  } else {
    print_text(*pipeline, delivery, made);
  }
  return exit_ok;
}

}  // namespace etl::app
