#include "core/app/cluster/follow.hpp"

#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/schedule/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <thread>

namespace etl::app {
namespace {

using Clock = std::chrono::steady_clock;
using runtime::NodeIndex;
using runtime::Summary;
using std::chrono::milliseconds;

constexpr milliseconds poll_every{1000};

class Follower {
 public:
  Follower(const Session& session, const runtime::Pipeline& pipeline, const Job& job,
           EngineJob* engine)
      : session_(session),
        pipeline_(pipeline),
        graph_(*pipeline.graph),
        job_(job),
        engine_(engine),
        settled_(job.wanted.size(), false) {}

  Summary follow() {
    const auto begun = Clock::now();
    if (engine_ != nullptr) watch();
    Summary summary = begin();
    add_partitions(summary);
    add_reports(summary);
    summary.elapsed_seconds = std::chrono::duration<double>(Clock::now() - begun).count();
    if (session_.cancellation.requested()) summary.status = "interrupted";
    else if (!summary.failures.empty()) summary.status = "failed";
    return summary;
  }

 private:
  void watch() {
    runtime::Progress progress(session_.arguments.progress, session_.log);
    progress.start(job_.partitions_to_do());
    for (bool ended = false; !ended && !session_.cancellation.requested();) {
      ended = engine_->ended();
      const auto asked = Clock::now();
      read_ledgers();
      show(progress);
      // A large ledger is not read all the time.
      const auto cost = std::chrono::duration_cast<milliseconds>(Clock::now() - asked);
      if (!ended) pause(std::max(poll_every, cost * 10));
    }
    if (session_.cancellation.requested()) engine_->leave();
    progress.stop();
  }

  void pause(milliseconds time) {
    std::mutex mutex;
    std::condition_variable wake;
    const runtime::Cancellation::Subscription stop(session_.cancellation,
                                                   [&] { wake.notify_all(); });
    std::unique_lock lock(mutex);
    // In pieces: a stop between the look at the flag and the sleep costs no more than one.
    for (const auto until = Clock::now() + time;
         !session_.cancellation.requested() && Clock::now() < until;) {
      wake.wait_for(lock, milliseconds(100));
    }
  }

  void read_ledgers() {
    try {
      runtime::LedgerView fresh;
      for (const NodeIndex sink : graph_.of_kind(runtime::Kind::sink))
        fresh.load_all(pipeline_, sink);
      ledger_ = std::move(fresh);
      ledger_known_ = true;
    } catch (const Error& error) {
      if (session_.cancellation.requested()) return;
      session_.log.warn("the ledger cannot be read, asking again: " + error.message());
      ledger_known_ = false;
    }
  }

  /// The record that this job has left; nullptr when there is none.
  [[nodiscard]] const LedgerRecord* outcome(const Wanted& wanted) const {
    const runtime::PlannedPartition& planned = job_.planned[wanted.planned];
    const LedgerRecord* record =
        ledger_.find(wanted.sink, graph_[planned.source].name, planned.partition.id);
    return record != nullptr && record->finished_at != wanted.recorded_at ? record : nullptr;
  }

  /// A partition is finished when all its sinks have it.
  void show(runtime::Progress& progress) {
    for (std::size_t i = 0; i < job_.wanted.size();) {
      bool finished = true;
      bool failed = false;
      const std::size_t first = i;
      for (; i < job_.wanted.size() && job_.wanted[i].planned == job_.wanted[first].planned; ++i) {
        const LedgerRecord* record = outcome(job_.wanted[i]);
        finished = finished && record != nullptr;
        failed = failed || (record != nullptr && record->state == State::failed);
      }
      if (!finished || settled_[first]) continue;
      settled_[first] = true;
      progress.finished();
      if (failed) progress.failed();
      const LedgerRecord* record = outcome(job_.wanted[first]);
      progress.rows(record->rows_read);
      for (std::size_t each = first; each < i; ++each)
        progress.written(outcome(job_.wanted[each])->rows_written);
    }
  }

  [[nodiscard]] Summary begin() const {
    Summary summary;
    summary.pipeline = job_.pipeline;
    summary.run_id = engine_ == nullptr ? "" : engine_->run_id();
    summary.delivery = graph_.exactly_once() ? "exactly-once" : "at-least-once";
    for (const runtime::Node& node : graph_.nodes()) {
      summary.stages.push_back(
          {node.name, std::string(runtime::kind_name(node.kind)), node.entry->stage->name, {}, 0});
    }
    for (const NodeIndex sink : graph_.of_kind(runtime::Kind::sink))
      summary.sinks.push_back({graph_[sink].name, {}, {}});
    return summary;
  }

  void add_partitions(Summary& summary) {
    summary.partitions.total = static_cast<std::int64_t>(job_.planned.size());
    std::map<std::size_t, std::vector<State>> states;  // of what has ended, by partition
    std::map<std::size_t, std::size_t> wanted_sinks;
    for (const Wanted& wanted : job_.wanted) {
      ++wanted_sinks[wanted.planned];
      add(wanted, sink_of(summary, wanted.sink), states, summary.failures);
    }
    for (const auto& [planned, sinks] : wanted_sinks) {
      const std::vector<State>& ended = states[planned];
      const auto has = [&](State state) { return std::ranges::count(ended, state) > 0; };
      if (has(State::failed)) ++summary.partitions.failed;
      else if (ended.size() < sinks) continue;
      else if (has(State::missing)) ++summary.partitions.missing;
      else ++summary.partitions.done;
    }
    summary.partitions.skipped =
        summary.partitions.total - static_cast<std::int64_t>(wanted_sinks.size());
    for (runtime::SinkSummary& sink : summary.sinks) add_skipped(sink);
    add_rows(summary);
    std::ranges::sort(summary.failures, [](const auto& a, const auto& b) {
      return std::tie(a.partition, a.sink) < std::tie(b.partition, b.sink);
    });
  }

  runtime::SinkSummary& sink_of(Summary& summary, NodeIndex sink) {
    return *std::ranges::find(summary.sinks, graph_[sink].name, &runtime::SinkSummary::name);
  }

  void add(const Wanted& wanted, runtime::SinkSummary& sink,
           std::map<std::size_t, std::vector<State>>& states,
           std::vector<runtime::Failure>& failures) {
    ++sink.partitions.total;
    const runtime::PlannedPartition& planned = job_.planned[wanted.planned];
    const LedgerRecord* record = outcome(wanted);
    if (record == nullptr) {
      if (session_.cancellation.requested()) return;  // its task may still be at it
      states[wanted.planned].push_back(State::failed);
      ++sink.partitions.failed;
      failures.push_back({graph_[planned.source].name, planned.partition.id, sink.name, "", 0,
                          without_record(job_.task_of[wanted.planned]), true});
      return;
    }
    states[wanted.planned].push_back(record->state);
    if (record->state == State::missing) ++sink.partitions.missing;
    if (record->state == State::failed) {
      ++sink.partitions.failed;
      failures.push_back(
          {graph_[planned.source].name, planned.partition.id, sink.name, "", record->attempts,
           fmt::format("{} (task {}, log {})", record->error, job_.task_of[wanted.planned],
                       engine_->log_of(job_.task_of[wanted.planned])),
           false});
    }
    if (record->state != State::done) return;
    ++sink.partitions.done;
    sink.rows += runtime::row_counts(*record);
  }

  void add_skipped(runtime::SinkSummary& sink) const {
    for (const runtime::PlannedPartition& planned : job_.planned) {
      for (const NodeIndex each : graph_.sinks_of(planned.source))
        sink.partitions.skipped += graph_[each].name == sink.name ? 1 : 0;
    }
    sink.partitions.skipped -= sink.partitions.total;
    sink.partitions.total += sink.partitions.skipped;
  }

  void add_rows(Summary& summary) const {
    if (summary.sinks.size() == 1) {
      summary.rows = summary.sinks.front().rows;
      return;
    }
    std::size_t counted = job_.planned.size();  // read once, for however many sinks
    for (const Wanted& wanted : job_.wanted) {
      const LedgerRecord* record = outcome(wanted);
      if (record == nullptr || record->state != State::done || counted == wanted.planned) continue;
      counted = wanted.planned;
      summary.rows.read += record->rows_read;
      summary.rows.rejected += record->rows_rejected;
    }
    for (const runtime::SinkSummary& sink : summary.sinks) {
      summary.rows.filtered += sink.rows.filtered;
      summary.rows.added += sink.rows.added;
      summary.rows.written += sink.rows.written;
    }
  }

  /// What is known of a partition that nobody recorded.
  [[nodiscard]] std::string without_record(std::size_t index) const {
    const std::string found =
        ledger_known_ ? "it is not in the ledger" : "the ledger could not be read at the end";
    const std::string end = engine_->end_of(index);
    return fmt::format("{}{}{}; log {}", found, end.empty() ? "" : "; ", end,
                       engine_->log_of(index));
  }

  /// A task that was killed left no report, and one that was started again several: bytes and
  /// seconds are those of the tasks that came to their end.
  void add_reports(Summary& summary) const {
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(job_.folder, none)) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with("task-") || !name.ends_with(".json")) continue;
      std::ifstream in(entry.path());
      const nlohmann::json report = nlohmann::json::parse(in, nullptr, false);
      try {
        add_report(report, summary);
      } catch (const nlohmann::json::exception& error) {
        session_.log.warn(fmt::format("{} is no report: {}", entry.path().string(), error.what()));
      }
    }
  }

  static void add_report(const nlohmann::json& report, Summary& summary) {
    summary.bytes_downloaded += report.at("bytes").at("downloaded").get<std::int64_t>();
    summary.bytes_decoded += report.at("bytes").at("decoded").get<std::int64_t>();
    summary.peak_memory_bytes =
        std::max(summary.peak_memory_bytes, report.at("peak_memory_bytes").get<std::int64_t>());
    for (runtime::StageSummary& stage : summary.stages) {
      const nlohmann::json& found = report.at("stages").at(stage.name);
      stage.counts.rows_in += found.at("rows_in").get<std::int64_t>();
      stage.counts.rows_out += found.at("rows_out").get<std::int64_t>();
      stage.counts.rejected += found.at("rejected").get<std::int64_t>();
      stage.counts.busy += std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::duration<double>(found.at("seconds").get<double>()));
      stage.peak_memory_bytes =
          std::max(stage.peak_memory_bytes, found.at("peak_memory_bytes").get<std::int64_t>());
    }
  }

  const Session& session_;
  const runtime::Pipeline& pipeline_;
  const runtime::Graph& graph_;
  const Job& job_;
  EngineJob* engine_;  ///< nullptr: there was nothing to do
  runtime::LedgerView ledger_;
  bool ledger_known_ = false;
  std::vector<bool> settled_;  ///< by the first of a partition's places in Job::wanted
};

}  // namespace

Summary follow_job(const Session& session, const runtime::Pipeline& pipeline, const Job& job,
                   EngineJob* engine) {
  return Follower(session, pipeline, job, engine).follow();
}

}  // namespace etl::app
