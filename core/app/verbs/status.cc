#include "core/app/cli/verb.hpp"
#include "core/runtime/base/clock.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/pipeline/in_progress.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/pipeline/row_counts.hpp"

#include <fmt/format.h>

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
  std::vector<runtime::InProgress> in_hand;
  std::string unreachable;

  [[nodiscard]] bool complete() const { return unreachable.empty() && states.at("pending") == 0; }
};

void add(SinkStatus& sink, const LedgerRecord* record, const std::string& source,
         const std::string& partition, const runtime::Redactor& redactor) {
  if (record == nullptr) {
    ++sink.states["pending"];
    return;
  }
  ++sink.states[std::string(state_name(record->state))];
  sink.last_finished_at = std::max(sink.last_finished_at, record->finished_at);
  if (record->state == State::failed) {
    sink.failures.push_back({{"source", source},
                             {"partition", partition},
                             {"attempts", record->attempts},
                             {"run_id", record->run_id},
                             {"finished_at", runtime::utc_text(record->finished_at / 1'000'000)},
                             {"error", redactor.conceal(record->error)}});
  }
  if (record->state != State::done) return;
  sink.rows += runtime::row_counts(*record);
  if (record->finished_at < runtime::now_us() - rate_window_seconds * 1'000'000) return;
  ++sink.recent_partitions;
  sink.recent_rows += runtime::row_counts(*record);
}

std::vector<SinkStatus> read_status(const Session& session, const runtime::Pipeline& pipeline,
                                    const std::vector<runtime::PlannedPartition>& planned) {
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
    for (const runtime::PlannedPartition& each : planned) {
      const std::string& source = graph[each.source].name;
      if (!graph.reaches(each.source, index)) continue;
      add(sink, ledger.find(index, source, each.partition.id), source, each.partition.id,
          session.log.redactor());
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
                  {"in_hand", json::array()}};
    for (const runtime::InProgress& each : sink.in_hand)
      entry["in_hand"].push_back(runtime::as_json(each));
    if (sink.last_finished_at > 0)
      entry["last_finished_at"] = runtime::utc_text(sink.last_finished_at / 1'000'000);
    if (!sink.unreachable.empty()) entry = {{"unreachable", sink.unreachable}};
    list[sink.name] = std::move(entry);
  }
  return {{"pipeline", pipeline.file.name}, {"partitions", partitions}, {"sinks", list}};
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
    text +=
        fmt::format("  last minute: {}, {} rows/s read, {} rows/s written; last commit {} UTC\n",
                    runtime::counted(sink.recent_partitions, "partition"),
                    runtime::grouped(sink.recent_rows.read / rate_window_seconds),
                    runtime::grouped(sink.recent_rows.written / rate_window_seconds),
                    runtime::utc_text(sink.last_finished_at / 1'000'000));
  }
  for (std::size_t i = 0; i < std::min(in_progress_shown, sink.in_hand.size()); ++i) {
    const runtime::InProgress& each = sink.in_hand[i];
    text += fmt::format("  {}: {}\n", each.lost ? "lost" : "in progress", runtime::as_text(each));
  }
  if (sink.in_hand.size() > in_progress_shown)
    text += fmt::format("  ... and {} more\n", sink.in_hand.size() - in_progress_shown);
  for (std::size_t i = 0; i < std::min(failures_shown, sink.failures.size()); ++i) {
    const json& failure = sink.failures[i];
    text += fmt::format("  failed: {} after {}: {}\n", failure["partition"].get<std::string>(),
                        runtime::counted(failure["attempts"].get<std::int64_t>(), "attempt"),
                        runtime::printable(failure["error"].get<std::string>(), "\n    "));
  }
  if (sink.failures.size() > failures_shown)
    text += fmt::format("  ... and {} more\n", sink.failures.size() - failures_shown);
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
  }

  int run(const Session& session) override {
    const OpenedPipeline pipeline = session.open(file_);
    const auto planned =
        runtime::plan_partitions(*pipeline->graph, {selection_.only, selection_.limit});
    std::vector<SinkStatus> sinks;
    do {
      sinks = read_status(session, *pipeline, planned);
      show(*pipeline, planned.size(), sinks);
    } while (watch_ && wait_for_more(session, sinks));
    // Ctrl-C ends --watch normally, but exits 130 as everywhere.
    return session.cancellation.requested() ? session.signal_exit_code() : exit_ok;
  }

 private:
  /// With --watch, a JSON document is one line.
  void show(const runtime::Pipeline& pipeline, std::size_t partitions,
            const std::vector<SinkStatus>& sinks) const {
    if (common.format == Format::json) {
      const json document = as_json(pipeline, partitions, sinks);
      if (!watch_) return print_json(document);
      return print(document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
    }
    std::string text =
        fmt::format("pipeline \"{}\": {} in the plan\n", pipeline.file.name,
                    runtime::counted(static_cast<std::int64_t>(partitions), "partition"));
    for (const SinkStatus& sink : sinks) text += sink_text(sink);
    print(text);
  }

  std::filesystem::path file_;
  SelectionOptions selection_;
  bool watch_ = false;
};

}  // namespace

std::unique_ptr<Verb> status_verb() { return std::make_unique<StatusVerb>(); }

}  // namespace etl::app
