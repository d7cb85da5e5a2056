#include "core/app/cluster/submission_watch.hpp"

#include "core/runtime/base/descriptor.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/pipeline/row_counts.hpp"
#include "core/runtime/run/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace etl::app {
namespace {

using Clock = std::chrono::steady_clock;
using runtime::NodeIndex;
using runtime::RowCounts;
using runtime::Summary;
using std::chrono::milliseconds;

constexpr milliseconds poll_interval{1000};

class SubmissionWatch {
 public:
  SubmissionWatch(const Session& session, runtime::ProgressMode progress,
                  const runtime::Pipeline& pipeline, const Submission& submission,
                  RunningSubmission* running)
      : session_(session),
        progress_(progress),
        pipeline_(pipeline),
        graph_(*pipeline.graph),
        submission_(submission),
        running_(running),
        settled_(submission.pending.size(), false) {}

  Summary run() {
    const auto begun = Clock::now();
    if (running_ != nullptr) wait_for_end();
    Summary summary = runtime::new_summary(pipeline_);
    summary.run_id = running_ == nullptr ? "" : running_->run_id();
    add_partitions(summary);
    add_reports(summary);
    summary.elapsed_seconds = std::chrono::duration<double>(Clock::now() - begun).count();
    summary.conclude(session_.cancellation.requested());
    return summary;
  }

 private:
  void wait_for_end() {
    runtime::Progress progress(progress_, session_.log);
    progress.start(submission_.partitions_to_do());
    for (bool ended = false; !ended && !session_.cancellation.requested();) {
      ended = running_->ended();
      const auto asked = Clock::now();
      read_ledgers();
      show(progress);
      // Reading a large ledger must not take most of the time.
      const auto cost = std::chrono::duration_cast<milliseconds>(Clock::now() - asked);
      if (!ended) pause(std::max(poll_interval, cost * 10));
    }
    if (session_.cancellation.requested()) running_->leave();
    progress.stop();
  }

  void pause(milliseconds time) {
    std::mutex mutex;
    std::condition_variable wake;
    const runtime::Cancellation::Subscription stop(session_.cancellation,
                                                   [&] { wake.notify_all(); });
    std::unique_lock lock(mutex);
    // Sleep in pieces: a stop between the check and the sleep then costs one piece at most.
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
      session_.log.warn("the ledger cannot be read, retrying: " + error.message());
      ledger_known_ = false;
    }
  }

  /// The record that this submission has left, or nullptr.
  [[nodiscard]] const LedgerRecord* record_of(const PendingPartition& pending) const {
    const runtime::PlannedPartition& planned = submission_.planned[pending.planned];
    const LedgerRecord* record =
        ledger_.find(pending.sink, graph_[planned.source].name, planned.partition.id);
    return record != nullptr && record->finished_at != pending.recorded_at ? record : nullptr;
  }

  /// Shows progress. A partition is finished when all its sinks have it.
  void show(runtime::Progress& progress) {
    for (std::size_t i = 0; i < submission_.pending.size();) {
      bool finished = true;
      bool failed = false;
      const std::size_t first = i;
      for (; i < submission_.pending.size() &&
             submission_.pending[i].planned == submission_.pending[first].planned;
           ++i) {
        const LedgerRecord* record = record_of(submission_.pending[i]);
        finished = finished && record != nullptr;
        failed = failed || (record != nullptr && record->state == State::failed);
      }
      if (!finished || settled_[first]) continue;
      settled_[first] = true;
      progress.finished();
      if (failed) progress.failed();
      const LedgerRecord* record = record_of(submission_.pending[first]);
      progress.rows(record->rows_read);
      for (std::size_t each = first; each < i; ++each)
        progress.written(record_of(submission_.pending[each])->rows_written);
    }
  }

  void add_partitions(Summary& summary) {
    summary.partitions.total = static_cast<std::int64_t>(submission_.planned.size());
    std::map<std::size_t, std::vector<State>> states;  // of what has ended, by partition
    std::map<std::size_t, std::size_t> pending_sinks;
    for (const PendingPartition& pending : submission_.pending) {
      ++pending_sinks[pending.planned];
      add(pending, sink_of(summary, pending.sink), states, summary.failures);
    }
    for (const auto& [planned, sinks] : pending_sinks) {
      const std::vector<State>& ended = states[planned];
      const auto has = [&](State state) { return std::ranges::count(ended, state) > 0; };
      if (has(State::failed)) ++summary.partitions.failed;
      else if (ended.size() < sinks) continue;
      else if (has(State::missing)) ++summary.partitions.missing;
      else ++summary.partitions.done;
    }
    summary.partitions.skipped =
        summary.partitions.total - static_cast<std::int64_t>(pending_sinks.size());
    for (runtime::SinkSummary& sink : summary.sinks) add_skipped(sink);
    summary.add_up_rows(read_once());
  }

  runtime::SinkSummary& sink_of(Summary& summary, NodeIndex sink) {
    return *std::ranges::find(summary.sinks, graph_[sink].name, &runtime::SinkSummary::name);
  }

  void add(const PendingPartition& pending, runtime::SinkSummary& sink,
           std::map<std::size_t, std::vector<State>>& states,
           std::vector<runtime::Failure>& failures) {
    ++sink.partitions.total;
    const runtime::PlannedPartition& planned = submission_.planned[pending.planned];
    const LedgerRecord* record = record_of(pending);
    if (record == nullptr) {
      if (session_.cancellation.requested()) return;  // its task may still load it
      states[pending.planned].push_back(State::failed);
      ++sink.partitions.failed;
      failures.push_back({graph_[planned.source].name, planned.partition.id, sink.name, "", 0,
                          without_record(submission_.task_of[pending.planned]), true});
      return;
    }
    states[pending.planned].push_back(record->state);
    if (record->state == State::missing) ++sink.partitions.missing;
    if (record->state == State::failed) {
      ++sink.partitions.failed;
      failures.push_back(
          {graph_[planned.source].name, planned.partition.id, sink.name, "", record->attempts,
           fmt::format("{} (task {}, log {})", record->error, submission_.task_of[pending.planned],
                       running_->log_of(submission_.task_of[pending.planned])),
           false});
    }
    if (record->state != State::done) return;
    ++sink.partitions.done;
    sink.rows += runtime::row_counts(*record);
  }

  void add_skipped(runtime::SinkSummary& sink) const {
    for (const runtime::PlannedPartition& planned : submission_.planned) {
      for (const NodeIndex each : graph_.sinks_of(planned.source))
        sink.partitions.skipped += graph_[each].name == sink.name ? 1 : 0;
    }
    sink.partitions.skipped -= sink.partitions.total;
    sink.partitions.total += sink.partitions.skipped;
  }

  /// Rows of the source and its rejects: a partition is read once, however many sinks it has.
  [[nodiscard]] RowCounts read_once() const {
    RowCounts rows;
    std::size_t counted = submission_.planned.size();
    for (const PendingPartition& pending : submission_.pending) {
      const LedgerRecord* record = record_of(pending);
      if (record == nullptr || record->state != State::done || counted == pending.planned) continue;
      counted = pending.planned;
      rows += runtime::row_counts(*record);
    }
    return rows;
  }

  /// Why a partition has no record, as far as known.
  [[nodiscard]] std::string without_record(std::size_t index) const {
    const std::string found =
        ledger_known_ ? "it is not in the ledger" : "the ledger could not be read at the end";
    const std::string end = running_->end_of(index);
    return fmt::format("{}{}{}; log {}", found, end.empty() ? "" : "; ", end,
                       running_->log_of(index));
  }

  /// Adds bytes and seconds from the tasks' reports. A killed task left none, a restarted one
  /// several.
  void add_reports(Summary& summary) const {
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(submission_.folder, none)) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with("task-") || !name.ends_with(".json")) continue;
      try {
        const auto report = nlohmann::json::parse(runtime::read_whole(entry.path()));
        add_report(report, summary);
      } catch (const std::exception& error) {
        session_.log.warn(
            fmt::format("{} is not a report: {}", entry.path().string(), error.what()));
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
  runtime::ProgressMode progress_;
  const runtime::Pipeline& pipeline_;
  const runtime::Graph& graph_;
  const Submission& submission_;
  RunningSubmission* running_;  ///< nullptr if there was nothing to do
  runtime::LedgerView ledger_;
  bool ledger_known_ = false;
  std::vector<bool> settled_;  ///< by a partition's first index in Submission::pending
};

}  // namespace

Summary watch(const Session& session, runtime::ProgressMode progress,
              const runtime::Pipeline& pipeline, const Submission& submission,
              RunningSubmission* running) {
  return SubmissionWatch(session, progress, pipeline, submission, running).run();
}

}  // namespace etl::app
