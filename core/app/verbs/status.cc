#include "core/app/cli/exit_codes.hpp"
#include "core/app/cli/session.hpp"
#include "core/runtime/base/clock.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/pipeline/in_progress.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/plan.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>

namespace etl::app {
namespace {

using nlohmann::json;
using runtime::Graph;
using runtime::NodeIndex;

constexpr std::chrono::seconds again_after{2};
/// The rate is that of what was committed so long ago at most.
constexpr std::int64_t rate_window_seconds = 60;
constexpr std::size_t failures_shown = 20;
constexpr std::size_t in_hand_shown = 40;

/// What one sink's ledger says of the plan.
struct SinkStatus {
  std::string name;
  std::map<std::string, std::int64_t> states = {
      {"done", 0}, {"failed", 0}, {"missing", 0}, {"pending", 0}};
  std::int64_t read = 0, filtered = 0, rejected = 0, written = 0;
  std::int64_t recent_partitions = 0, recent_read = 0, recent_written = 0;
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
  sink.read += record->rows_read;
  sink.filtered += record->rows_filtered;
  sink.rejected += record->rows_rejected;
  sink.written += record->rows_written;
  if (record->finished_at < runtime::now_us() - rate_window_seconds * 1'000'000) return;
  ++sink.recent_partitions;
  sink.recent_read += record->rows_read;
  sink.recent_written += record->rows_written;
}

std::vector<SinkStatus> look(const Session& session, const runtime::Pipeline& pipeline,
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
      require_not_stopped(session);
      sink.unreachable = session.log.redactor().conceal(error.message());
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
                   {{"read", sink.read},
                    {"filtered", sink.filtered},
                    {"rejected", sink.rejected},
                    {"written", sink.written}}},
                  {"last_minute",
                   {{"partitions", sink.recent_partitions},
                    {"rows_read", sink.recent_read},
                    {"rows_written", sink.recent_written}}},
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
    return fmt::format("sink \"{}\": nothing is known: {}\n", sink.name,
                       runtime::printable(sink.unreachable, "\n"));
  std::string text = fmt::format("sink \"{}\":", sink.name);
  for (const auto& [state, count] : sink.states)
    text += fmt::format("{} {} {}", text.ends_with(':') ? "" : ",", runtime::grouped(count), state);
  text += fmt::format("\n  rows: {} read, {} filtered, {} rejected, {} written\n",
                      runtime::grouped(sink.read), runtime::grouped(sink.filtered),
                      runtime::grouped(sink.rejected), runtime::grouped(sink.written));
  if (sink.last_finished_at > 0) {
    text += fmt::format(
        "  last minute: {} partitions, {} rows/s read, {} rows/s written; last commit {} UTC\n",
        sink.recent_partitions, runtime::grouped(sink.recent_read / rate_window_seconds),
        runtime::grouped(sink.recent_written / rate_window_seconds),
        runtime::utc_text(sink.last_finished_at / 1'000'000));
  }
  for (std::size_t i = 0; i < std::min(in_hand_shown, sink.in_hand.size()); ++i) {
    const runtime::InProgress& each = sink.in_hand[i];
    text += fmt::format("  {}: {}\n", each.lost ? "lost" : "in hand", runtime::as_text(each));
  }
  if (sink.in_hand.size() > in_hand_shown)
    text += fmt::format("  ... and {} more\n", sink.in_hand.size() - in_hand_shown);
  for (std::size_t i = 0; i < std::min(failures_shown, sink.failures.size()); ++i) {
    const json& failure = sink.failures[i];
    text +=
        fmt::format("  failed: {} after {} attempts: {}\n", failure["partition"].get<std::string>(),
                    failure["attempts"].get<std::int64_t>(),
                    runtime::printable(failure["error"].get<std::string>(), "\n    "));
  }
  if (sink.failures.size() > failures_shown)
    text += fmt::format("  ... and {} more\n", sink.failures.size() - failures_shown);
  return text;
}

/// Waits unless nothing is left to wait for.
bool wait_for_more(const Session& session, const std::vector<SinkStatus>& sinks) {
  if (std::ranges::all_of(sinks, &SinkStatus::complete)) return false;
  const auto until = std::chrono::steady_clock::now() + again_after;
  while (!session.cancellation.requested() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  return !session.cancellation.requested();
}

}  // namespace

int status(const Session& session) {
  const Arguments& arguments = session.arguments;
  const runtime::StageRegistry registry = session.registry();
  runtime::Diagnostics diagnostics;
  const auto pipeline = runtime::open_pipeline(session.open_request(), registry,
                                               session.cancellation, session.log, diagnostics);
  if (pipeline == nullptr) return report(session, diagnostics);
  const auto planned =
      runtime::plan_partitions(*pipeline->graph, {arguments.only, arguments.limit});
  for (bool again = true; again;) {
    const std::vector<SinkStatus> sinks = look(session, *pipeline, planned);
    if (arguments.format == Format::json) {
      const json document = as_json(*pipeline, planned.size(), sinks);
      if (arguments.watch)
        print(document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
      else print_json(document);
    } else {
      std::string text =
          fmt::format("pipeline \"{}\": {} partitions in the plan\n", pipeline->file.name,
                      runtime::grouped(static_cast<std::int64_t>(planned.size())));
      for (const SinkStatus& sink : sinks) text += sink_text(sink);
      print(text);
    }
    again = arguments.watch && wait_for_more(session, sinks);
  }
  // Who watched and had enough has got what they wanted, but scripts are told as everywhere.
  return session.cancellation.requested() ? exit_signal + session.cancellation.reason() : exit_ok;
}

}  // namespace etl::app
