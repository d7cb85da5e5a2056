#include "core/runtime/pipeline/plan.hpp"

#include "core/app/cli/verb.hpp"
#include "core/runtime/base/text.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/pipeline/in_progress.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/preflight.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace etl::app {
namespace {

using nlohmann::json;
using runtime::Graph;
using runtime::NodeIndex;
using runtime::PlannedPartition;

/// What one sink's ledger says about a partition.
struct SinkState {
  std::string_view sink;
  std::string_view state = "pending";
  std::string_view reason;               ///< why a run would load it; empty if it would not
  const LedgerRecord* record = nullptr;  ///< nullptr if there is none, or it cannot be read
  std::vector<const runtime::InProgress*> in_progress;

  [[nodiscard]] bool unknown() const { return reason == "unreachable"; }
};

/// The state of a partition with several sinks: the one that decides what a run would do.
std::string_view overall(const std::vector<SinkState>& sinks) {
  bool done = true;
  std::string_view other = "pending";
  for (const SinkState& sink : sinks) {
    done = done && sink.state == "done";
    if (sink.state == "failed" || (sink.state == "missing" && other == "pending"))
      other = sink.state;
  }
  return done ? "done" : other;
}

/// The plan and what the ledgers say about it. A plan may have millions of partitions, so what is
/// shown of each is made when it is printed.
class Plan {
 public:
  Plan(const Session& session, const runtime::Pipeline& pipeline,
       const runtime::Preflight& preflight, const runtime::Selection& selection)
      : redactor_(session.log.redactor()),
        pipeline_(pipeline),
        graph_(*pipeline.graph),
        preflight_(preflight),
        planned_(runtime::plan_partitions(graph_, selection)) {
    for (const NodeIndex sink : graph_.of_kind(runtime::Kind::sink)) {
      if (preflight.ledger.knows(sink))
        in_progress_[sink] = runtime::in_progress(pipeline, sink, preflight.ledger);
    }
    for (const PlannedPartition& planned : planned_) ++states_[overall(states_of(planned))];
  }

  void print_json() const {
    std::string out = "{\n  \"delivery\": " + json(delivery()).dump() + ",\n  \"partitions\": [";
    const char* separator = "\n    ";
    const bool open = each_partition(out, [&](const PlannedPartition& planned) {
      out += separator + indented(partition_json(planned), "    ");
      separator = ",\n    ";
    });
    if (!open) return;
    out += planned_.empty() ? "],\n" : "\n  ],\n";
    out += "  \"pipeline\": " + json(pipeline_.file.name).dump() + ",\n";
    out += "  \"states\": " + indented(json(states_), "  ") + ",\n";
    out += "  \"targets\": " + indented(targets_json(), "  ") + "\n}\n";
    print(out);
  }

  void print_text() const {
    std::string out = fmt::format("pipeline \"{}\": {}\n", pipeline_.file.name, delivery());
    for (const json& target : targets_json()) out += target_text(target);
    const std::vector<std::string> head = {"partition", "source",   "state", "rows",
                                           "when",      "attempts", "why"};
    runtime::ColumnWidths widths;
    widths.measure(head);
    std::size_t unknown = 0;
    for (const PlannedPartition& planned : planned_) {
      const std::vector<SinkState> sinks = states_of(planned);
      for (const SinkState& sink : sinks) widths.measure(cells(planned, sink, sinks.size()));
      if (std::ranges::any_of(sinks, &SinkState::unknown)) ++unknown;
    }
    out += widths.line(head);
    const bool open = each_partition(out, [&](const PlannedPartition& planned) {
      const std::vector<SinkState> sinks = states_of(planned);
      for (const SinkState& sink : sinks) out += widths.line(cells(planned, sink, sinks.size()));
    });
    if (!open) return;
    out += runtime::counted(static_cast<std::int64_t>(planned_.size()), "partition");
    for (const auto& [state, count] : states_) out += fmt::format(", {} {}", count, state);
    if (unknown > 0) out += fmt::format("; {} with an unknown state in a sink", unknown);
    print(out + "\n");
  }

 private:
  /// Calls `add` for each partition and prints `out` when it has grown. False if nobody reads it.
  template <class Add>
  bool each_partition(std::string& out, Add add) const {
    constexpr std::size_t enough = 1 << 20;
    for (const PlannedPartition& planned : planned_) {
      add(planned);
      if (out.size() < enough) continue;
      if (!print(out)) return false;
      out.clear();
    }
    return true;
  }

  [[nodiscard]] const char* delivery() const {
    return graph_.exactly_once() ? "exactly-once" : "at-least-once";
  }

  [[nodiscard]] std::vector<SinkState> states_of(const PlannedPartition& planned) const {
    std::vector<SinkState> states;
    for (const NodeIndex sink : graph_.sinks_of(planned.source))
      states.push_back(state_in(sink, planned));
    return states;
  }

  [[nodiscard]] SinkState state_in(NodeIndex sink, const PlannedPartition& planned) const {
    SinkState found{graph_[sink].name, "pending", "new", nullptr, {}};
    const std::string& source = graph_[planned.source].name;
    if (!graph_.sink(sink).transactional()) {
      found.reason = "no ledger";
    } else if (!preflight_.ledger.knows(sink)) {
      found.reason = "unreachable";
    } else if ((found.record = preflight_.ledger.find(sink, source, planned.partition.id))) {
      found.state = state_name(found.record->state);
      found.reason = found.record->state == State::done ? "" : found.state;
    }
    const auto running = in_progress_.find(sink);
    if (running == in_progress_.end()) return found;
    for (const runtime::InProgress& each : running->second) {
      if (each.record.source == source && each.record.partition == planned.partition.id)
        found.in_progress.push_back(&each);
    }
    return found;
  }

  [[nodiscard]] json partition_json(const PlannedPartition& planned) const {
    const std::vector<SinkState> states = states_of(planned);
    json sinks = json::object();
    for (const SinkState& sink : states) {
      json& entry = sinks[std::string(sink.sink)] = {{"state", sink.state}};
      if (!sink.reason.empty()) entry["reason"] = sink.reason;
      for (const runtime::InProgress* each : sink.in_progress)
        entry["in_hand"].push_back(runtime::as_json(*each));
      if (sink.record == nullptr) continue;
      entry["attempts"] = sink.record->attempts;
      entry["finished_at"] = runtime::zoned_text(sink.record->finished_at);
      entry["run_id"] = sink.record->run_id;
      if (!sink.record->error.empty()) entry["error"] = redactor_.conceal(sink.record->error);
      if (sink.record->state != State::done) continue;
      entry["rows_read"] = sink.record->rows_read;
      entry["rows_written"] = sink.record->rows_written;
    }
    json entry = {{"source", graph_[planned.source].name},
                  {"partition", planned.partition.id},
                  {"uri", redactor_.conceal(planned.partition.uri)},
                  {"bytes", nullptr},
                  {"state", overall(states)},
                  {"sinks", std::move(sinks)}};
    if (planned.partition.bytes >= 0) entry["bytes"] = planned.partition.bytes;
    return entry;
  }

  [[nodiscard]] std::vector<std::string> cells(const PlannedPartition& planned,
                                               const SinkState& sink, std::size_t sinks) const {
    const std::string_view state = sink.unknown() ? "unknown" : sink.state;
    const LedgerRecord* record = sink.record;
    const bool done = record != nullptr && record->state == State::done;
    return {planned.partition.id,
            graph_[planned.source].name,
            sinks > 1 ? fmt::format("{} in {}", state, sink.sink) : std::string(state),
            done ? runtime::grouped(record->rows_written) : "",
            record == nullptr ? "" : runtime::zoned_text(record->finished_at),
            record == nullptr ? "" : std::to_string(record->attempts),
            why(sink)};
  }

  /// Why a run would load the partition; empty if it would not.
  [[nodiscard]] std::string why(const SinkState& sink) const {
    if (!sink.in_progress.empty()) return runs_text(sink.in_progress);
    if (sink.reason == "new") return "never tried, or forgotten";
    if (sink.reason == "unreachable") return "the sink cannot be reached";
    if (sink.reason == "no ledger") return "the sink keeps no ledger: every run loads it";
    if (sink.reason.empty()) return "";
    const std::string& error = sink.record->error;
    return (sink.reason == "failed" ? "failed before" : "was missing") +
           (error.empty() ? "" : ": " + redactor_.conceal(error));
  }

  /// The runs that are loading the partition.
  static std::string runs_text(const std::vector<const runtime::InProgress*>& runs) {
    std::string text;
    for (const runtime::InProgress* each : runs) {
      const RunningRecord& record = each->record;
      text += fmt::format("{}{} by {}{} since {}", text.empty() ? "" : "; ",
                          each->lost ? "lost" : "in progress",
                          record.task.empty() ? "" : fmt::format("task {} on ", record.task),
                          record.host, runtime::zoned_text(record.since));
    }
    return text;
  }

  [[nodiscard]] json targets_json() const {
    json targets = json::array();
    for (const runtime::TargetState& target : preflight_.targets) {
      json entry = {{"sink", graph_[target.sink].name},
                    {"name", redactor_.conceal(target.name)},
                    {"ddl", redactor_.conceal(target.ddl)},
                    {"exists", nullptr}};
      if (!target.unreachable && !target.name.empty()) entry["exists"] = target.ddl.empty();
      if (target.unreachable)
        entry["unreachable"] = redactor_.conceal(target.unreachable->message());
      targets.push_back(std::move(entry));
    }
    return targets;
  }

  static std::string target_text(const json& target) {
    const auto text = [&](const char* key) {
      return runtime::printable(target[key].get<std::string>(), "\n");
    };
    const std::string sink = fmt::format("sink \"{}\"", text("sink"));
    if (target.contains("unreachable"))
      return fmt::format("{} cannot be reached: {}\n", sink, text("unreachable"));
    if (target["exists"].is_null()) return sink + " does not describe its target\n";
    if (target["exists"].get<bool>())
      return fmt::format("{} writes {}, which exists\n", sink, text("name"));
    return fmt::format("{} writes {}, to be created:\n{}\n", sink, text("name"), text("ddl"));
  }

  /// As a part of a larger document: strings in JSON have no line breaks.
  static std::string indented(const json& part, std::string_view by) {
    return runtime::replaced(part.dump(2, ' ', false, json::error_handler_t::replace), "\n",
                             "\n" + std::string(by));
  }

  const runtime::Redactor& redactor_;
  const runtime::Pipeline& pipeline_;
  const Graph& graph_;
  const runtime::Preflight& preflight_;
  std::vector<PlannedPartition> planned_;
  std::map<NodeIndex, std::vector<runtime::InProgress>> in_progress_;
  std::map<std::string_view, std::size_t> states_;
};

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
    const OpenedPipeline pipeline = session.open_to_look(file_);
    const runtime::Preflight preflight = pipeline.run_preflight(false);
    session.require_not_stopped();
    const Plan plan(session, *pipeline, preflight, {selection_.only, selection_.limit});
    session.require_not_stopped();
    if (session.json()) plan.print_json();
    else plan.print_text();
    return exit_ok;
  }

 private:
  std::filesystem::path file_;
  SelectionOptions selection_;
};

}  // namespace

std::unique_ptr<Verb> plan_verb() { return std::make_unique<PlanVerb>(); }

}  // namespace etl::app
