#include "core/app/cli/verb.hpp"
#include "core/runtime/base/environment.hpp"
#include "core/runtime/base/terminal.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/pipeline/in_progress.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/left_behind.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/pipeline/row_counts.hpp"

#include <etl/detail/split.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace etl::app {
namespace {

using nlohmann::json;
using runtime::Graph;
using runtime::NodeIndex;

constexpr std::chrono::seconds watch_interval{2};
/// Rates are computed from the commits of this period.
constexpr std::int64_t rate_window_seconds = 60;
constexpr std::size_t failures_shown = 20;
constexpr std::size_t in_progress_shown = 40;

/// The state of the plan in one sink's ledger.
struct SinkStatus {
  std::string name;
  std::map<std::string, std::int64_t> states = {
      {"done", 0}, {"failed", 0}, {"missing", 0}, {"pending", 0}};
  runtime::RowCounts rows, recent_rows;
  std::int64_t recent_partitions = 0;
  std::int64_t last_finished_at = 0;
  json failures = json::array();
  json left_behind = json::array();
  std::vector<runtime::InProgress> in_hand;
  std::string unreachable;

  [[nodiscard]] bool healthy() const {
    return unreachable.empty() && failures.empty() && left_behind.empty();
  }
  [[nodiscard]] bool complete() const { return unreachable.empty() && states.at("pending") == 0; }
};

json failure_json(const LedgerRecord& record, const runtime::Redactor& redactor) {
  return {{"source", record.source},
          {"partition", record.partition},
          {"attempts", record.attempts},
          {"run_id", record.run_id},
          {"finished_at", runtime::zoned_text(record.finished_at)},
          {"error", redactor.conceal(record.error)}};
}

void add(SinkStatus& sink, const LedgerRecord* record, const runtime::Redactor& redactor) {
  if (record == nullptr) {
    ++sink.states["pending"];
    return;
  }
  ++sink.states[std::string(state_name(record->state))];
  sink.last_finished_at = std::max(sink.last_finished_at, record->finished_at);
  if (record->state == State::failed) sink.failures.push_back(failure_json(*record, redactor));
  if (record->state != State::done) return;
  sink.rows += runtime::row_counts(*record);
  if (record->finished_at < runtime::now_us() - rate_window_seconds * 1'000'000) return;
  ++sink.recent_partitions;
  sink.recent_rows += runtime::row_counts(*record);
}

/// `planned`: the selection of the plan that is shown, out of the `whole`.
std::vector<SinkStatus> read_status(const Session& session, const runtime::Pipeline& pipeline,
                                    const std::vector<runtime::PlannedPartition>& planned,
                                    const std::vector<runtime::PlannedPartition>& whole) {
  const Graph& graph = *pipeline.graph;
  std::vector<SinkStatus> sinks;
  for (const NodeIndex index : graph.of_kind(runtime::Kind::sink)) {
    SinkStatus& sink = sinks.emplace_back();
    sink.name = graph[index].name;
    runtime::LedgerView ledger;
    try {
      if (!graph.sink(index).transactional())
        throw graph.sink(index).failure(Error::permanent("it keeps no ledger"));
      ledger.load_all(pipeline, index);
    } catch (const Error& error) {
      session.require_not_stopped();
      sink.unreachable = session.conceal(error.message());
      continue;
    }
    for (const LedgerRecord& record : runtime::left_behind(graph, index, ledger, whole))
      sink.left_behind.push_back(failure_json(record, session.log.redactor()));
    for (const runtime::PlannedPartition& each : planned) {
      const std::string& source = graph[each.source].name;
      if (!graph.reaches(each.source, index)) continue;
      add(sink, ledger.find(index, source, each.partition.id), session.log.redactor());
    }
    sink.in_hand = runtime::in_progress(pipeline, index, ledger);
  }
  return sinks;
}

json as_json(const runtime::Pipeline& pipeline, std::size_t partitions,
             const std::vector<SinkStatus>& sinks) {
  json list = json::object();
  for (const SinkStatus& sink : sinks) {
    json entry = {{"partitions", sink.states},
                  {"rows",
                   {{"read", sink.rows.read},
                    {"filtered", sink.rows.filtered},
                    {"rejected", sink.rows.rejected},
                    {"written", sink.rows.written}}},
                  {"last_minute",
                   {{"partitions", sink.recent_partitions},
                    {"rows_read", sink.recent_rows.read},
                    {"rows_written", sink.recent_rows.written}}},
                  {"last_finished_at", nullptr},
                  {"failures", sink.failures},
                  {"left_behind", sink.left_behind},
                  {"in_hand", json::array()}};
    for (const runtime::InProgress& each : sink.in_hand)
      entry["in_hand"].push_back(runtime::as_json(each));
    if (sink.last_finished_at > 0)
      entry["last_finished_at"] = runtime::zoned_text(sink.last_finished_at);
    if (!sink.unreachable.empty()) entry = {{"unreachable", sink.unreachable}};
    list[sink.name] = std::move(entry);
  }
  return {{"pipeline", pipeline.file.name}, {"partitions", partitions}, {"sinks", list}};
}

std::string failures_text(const json& failures, const char* what) {
  std::string text;
  for (std::size_t i = 0; i < std::min(failures_shown, failures.size()); ++i) {
    const json& failure = failures[i];
    text += fmt::format("  {}: {} after {}: {}\n", what, failure["partition"].get<std::string>(),
                        runtime::counted(failure["attempts"].get<std::int64_t>(), "attempt"),
                        runtime::printable(failure["error"].get<std::string>(), "\n    "));
  }
  if (failures.size() > failures_shown)
    text += fmt::format("  ... and {} more\n", failures.size() - failures_shown);
  return text;
}

std::string sink_text(const SinkStatus& sink) {
  if (!sink.unreachable.empty())
    return fmt::format("sink \"{}\": unknown: {}\n", sink.name,
                       runtime::printable(sink.unreachable, "\n"));
  std::string text = fmt::format("sink \"{}\":", sink.name);
  for (const auto& [state, count] : sink.states)
    text += fmt::format("{} {} {}", text.ends_with(':') ? "" : ",", runtime::grouped(count), state);
  text += fmt::format("\n  rows: {} read, {} filtered, {} rejected, {} written\n",
                      runtime::grouped(sink.rows.read), runtime::grouped(sink.rows.filtered),
                      runtime::grouped(sink.rows.rejected), runtime::grouped(sink.rows.written));
  if (sink.last_finished_at > 0) {
    text += fmt::format("  last minute: {}, {} rows/s read, {} rows/s written; last commit {}\n",
                        runtime::counted(sink.recent_partitions, "partition"),
                        runtime::grouped(sink.recent_rows.read / rate_window_seconds),
                        runtime::grouped(sink.recent_rows.written / rate_window_seconds),
                        runtime::zoned_text(sink.last_finished_at));
  }
  for (std::size_t i = 0; i < std::min(in_progress_shown, sink.in_hand.size()); ++i) {
    const runtime::InProgress& each = sink.in_hand[i];
    text += fmt::format("  {}: {}\n", each.lost ? "lost" : "in progress", runtime::as_text(each));
  }
  if (sink.in_hand.size() > in_progress_shown)
    text += fmt::format("  ... and {} more\n", sink.in_hand.size() - in_progress_shown);
  text += failures_text(sink.failures, "failed");
  text += failures_text(sink.left_behind, "left behind, not in the plan any more");
  if (!sink.left_behind.empty()) text += fmt::format("  {}\n", runtime::left_behind_remedy);
  return text;
}

/// Waits for the watch interval. Returns false if the plan is complete or a stop is requested.
bool wait_for_more(const Session& session, const std::vector<SinkStatus>& sinks) {
  if (std::ranges::all_of(sinks, &SinkStatus::complete)) return false;
  const auto until = std::chrono::steady_clock::now() + watch_interval;
  while (!session.cancellation.requested() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  return !session.cancellation.requested();
}

class StatusVerb : public Verb {
 public:
  StatusVerb() : Verb("status", "Show progress over all runs and tasks") {}

  void declare(Options& options) override {
    declare_pipeline_file(options, file_);
    common.declare_set(options);
    selection_.declare(options);
    common.declare_format(options);
    common.declare_now(options);
    options.flag("--watch", watch_, "Repeat every two seconds until nothing is left to do");
    options.flag("--exit-code", exit_code_,
                 "Exit 1 if partitions have failed or a sink cannot be reached");
  }

  int run(const Session& session) override {
    const OpenedPipeline pipeline = session.open_to_look(file_);
    const auto whole = runtime::plan_partitions(*pipeline->graph);
    auto planned = whole;
    runtime::select(planned, {selection_.only, selection_.limit});
    std::vector<SinkStatus> sinks;
    do {
      sinks = read_status(session, *pipeline, planned, whole);
    } while (show(*pipeline, planned.size(), sinks) && watch_ && wait_for_more(session, sinks));
    // Ctrl-C ends --watch normally, but exits 130 as everywhere.
    if (session.cancellation.requested()) return session.signal_exit_code();
    return !exit_code_ || std::ranges::all_of(sinks, &SinkStatus::healthy) ? exit_ok : exit_failed;
  }

 private:
  /// With --watch, a JSON document is one line, and text on a terminal is drawn again in its place.
  /// Returns as print().
  bool show(const runtime::Pipeline& pipeline, std::size_t partitions,
            const std::vector<SinkStatus>& sinks) {
    if (common.format == Format::json) {
      const json document = as_json(pipeline, partitions, sinks);
      return print(document.dump(watch_ ? -1 : 2, ' ', false, json::error_handler_t::replace) +
                   "\n");
    }
    std::string text =
        fmt::format("pipeline \"{}\": {} in the plan\n", pipeline.file.name,
                    runtime::counted(static_cast<std::int64_t>(partitions), "partition"));
    for (const SinkStatus& sink : sinks) text += sink_text(sink);
    if (!watch_ || !runtime::on_terminal(STDOUT_FILENO)) return print(text);
    const auto lines = detail::split(text, '\n');
    return print(
        drawn_.replace({lines.begin(), lines.end()}, runtime::terminal_size(STDOUT_FILENO)));
  }

  std::filesystem::path file_;
  SelectionOptions selection_;
  bool watch_ = false;
  bool exit_code_ = false;
  runtime::RedrawnLines drawn_;
};

}  // namespace

std::unique_ptr<Verb> status_verb() { return std::make_unique<StatusVerb>(); }

}  // namespace etl::app
