#include "core/runtime/schedule/scheduler.hpp"

#include "core/runtime/base/environment.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace etl::runtime {

using std::chrono::milliseconds;

Scheduler::Scheduler(const Graph& graph, std::vector<PartitionJob> jobs, SchedulerSettings settings,
                     Cancellation& cancellation, Log& log, Progress& progress)
    : graph_(graph),
      settings_(std::move(settings)),
      cancellation_(cancellation),
      log_(log),
      progress_(progress),
      jobs_(std::move(jobs)),
      unfinished_(jobs_.size()),
      tally_(graph.nodes().size()),
      queue_(queue_rules(), graph.wakes()),
      stop_(cancellation, [this] { queue_.close(); }) {
  const MutexLock lock(mutex_);
  for (std::size_t job = 0; job < jobs_.size(); ++job) {
    jobs_[job].rows_counted.resize(graph.nodes().size());
    enqueue(job, {});
  }
  if (jobs_.empty() || cancellation.requested()) queue_.close();
}

ReadyQueue::Rules Scheduler::queue_rules() {
  if (!settings_.asks_sources) return {};
  return {
      [this](const ReadyQueue::Item& item) { return graph_.source(item.source).ready(item.id); },
      [this](const ReadyQueue::Item& item) { progress_.waits(std::string(item.id)); },
      settings_.time_limit};
}

// ---- sums --------------------------------------------------------------------------------------

void RunTally::add_attempt(const AttemptResult& result, std::vector<bool>& rows_counted) {
  const bool committed = std::any_of(
      result.outcomes.begin(), result.outcomes.end(),
      [](const auto& outcome) { return outcome.second.kind == SinkOutcome::Kind::committed; });
  for (NodeIndex node = 0; node < stages_.size(); ++node) {
    StageCounts counts = result.stages[node];
    const bool has_rows = counts.rows_in != 0 || counts.rows_out != 0 || counts.rejected != 0;
    if (committed && has_rows && !rows_counted[node]) rows_counted[node] = true;
    else counts = {0, 0, 0, counts.busy};
    stages_[node] += counts;
    peaks_[node] = std::max(peaks_[node], result.peaks[node]);
  }
  downloaded_ += result.downloaded;
  decoded_ += result.decoded;
}

void RunTally::add_commit(NodeIndex sink, const RowCounts& rows) {
  ++sinks_[sink].partitions.done;
  sinks_[sink].rows += rows;
}

void RunTally::add_read(const RowCounts& rows) {
  read_once_.read += rows.read;
  read_once_.rejected += rows.rejected;
}

void RunTally::add_failure(NodeIndex sink, Failure failure) {
  ++sinks_[sink].partitions.failed;
  failures_.push_back(std::move(failure));
}

void RunTally::add_to(Summary& summary, const Graph& graph) const {
  std::size_t at = 0;
  for (const NodeIndex sink : graph.of_kind(Kind::sink)) {
    SinkSummary& out = summary.sinks[at++];
    const auto found = sinks_.find(sink);
    if (found == sinks_.end()) continue;
    out.rows += found->second.rows;
    out.partitions += found->second.partitions;
  }
  for (NodeIndex node = 0; node < stages_.size(); ++node) {
    StageSummary& out = summary.stages[node];
    out.counts += stages_[node];
    out.peak_memory_bytes = std::max(out.peak_memory_bytes, peaks_[node]);
  }
  for (const auto& [sink, counts] : sinks_) {
    summary.stages[sink].counts.rows_in = counts.rows.written;
    summary.stages[sink].counts.rows_out = counts.rows.written;
  }
  summary.partitions += partitions_;
  summary.bytes_downloaded += downloaded_;
  summary.bytes_decoded += decoded_;
  summary.failures.insert(summary.failures.end(), failures_.begin(), failures_.end());
  summary.add_up_rows(read_once_);
}

// ---- handing out -------------------------------------------------------------------------------

std::optional<AttemptRequest> Scheduler::next() {
  const auto taken = queue_.take();
  return taken ? std::optional(begin(*taken)) : std::nullopt;
}

std::optional<AttemptRequest> Scheduler::next_ahead(std::size_t others) {
  const auto taken = queue_.take_ahead(others);
  return taken ? std::optional(begin(*taken)) : std::nullopt;
}

AttemptRequest Scheduler::begin(ReadyQueue::Taken taken) {
  const MutexLock lock(mutex_);
  PartitionJob& job = jobs_[taken.job];
  ++job.attempts;
  job.attempt_started_at = now_us();
  progress_.begin(job.partition->id);
  AttemptRequest request{taken.job,    job.source,   *job.partition,
                         job.sinks,    job.attempts, job.attempt_started_at,
                         job.isolated, taken.last};
  request.replay = job.replay;
  if (settings_.rejects != nullptr) settings_.rejects->prepare(graph_, request);
  return request;
}

void Scheduler::put_back(const AttemptRequest& request) {
  progress_.end(request.partition.id);
  const MutexLock lock(mutex_);
  --jobs_[request.job].attempts;
  jobs_[request.job].attempt_started_at = 0;
  enqueue(request.job, ReadyQueue::Clock::now());
}

void Scheduler::enqueue(std::size_t number, ReadyQueue::Clock::time_point due) {
  const PartitionJob& job = jobs_[number];
  queue_.push({number, job.source, job.partition->id, job.replay != nullptr, job.isolated, due});
}

void Scheduler::isolate(const AttemptRequest& request) {
  const MutexLock lock(mutex_);
  jobs_[request.job].isolated = true;
}

std::vector<Scheduler::AttemptInProgress> Scheduler::attempts_in_progress() const {
  const MutexLock lock(mutex_);
  std::vector<AttemptInProgress> list;
  const auto add = [&list](const PartitionJob& job, std::int64_t attempt, std::int64_t since) {
    list.push_back({job.source, job.partition->id, job.sinks, attempt, since});
  };
  for (const PartitionJob& job : jobs_) {
    if (job.attempt_started_at != 0) add(job, job.attempts, job.attempt_started_at);
  }
  for (const auto& [number, since] : queue_.waited()) {
    const auto waited = ReadyQueue::Clock::now() - since;
    add(jobs_[number], jobs_[number].attempts + 1,
        now_us() - std::chrono::duration_cast<std::chrono::microseconds>(waited).count());
  }
  return list;
}

// ---- the end of an attempt ---------------------------------------------------------------------

bool Scheduler::complete(const AttemptRequest& request, const AttemptResult& result) {
  progress_.end(request.partition.id);
  count(request, result);
  if (settings_.rejects != nullptr) settings_.rejects->attempt_ended(graph_, request, result);
  Remainder remainder;
  for (const NodeIndex sink : request.sinks)
    settle(request, sink, result.outcomes.at(sink), remainder);
  const MutexLock lock(mutex_);
  PartitionJob& job = jobs_[request.job];
  job.interrupted = job.interrupted || remainder.interrupted;
  job.sinks = std::move(remainder.sinks);
  if (job.sinks.empty()) {
    finish(job);
    return !job.interrupted;
  }
  if (!remainder.failed) --job.attempts;
  enqueue(request.job, ReadyQueue::Clock::now() + remainder.delay);
  return false;
}

void Scheduler::count(const AttemptRequest& request, const AttemptResult& result) {
  const MutexLock lock(mutex_);
  PartitionJob& job = jobs_[request.job];
  job.attempt_started_at = 0;
  job.rejects = result.rejects;
  tally_.add_attempt(result, job.rows_counted);
}

void Scheduler::settle(const AttemptRequest& request, NodeIndex sink, const SinkOutcome& outcome,
                       Remainder& remainder) {
  switch (outcome.kind) {
    case SinkOutcome::Kind::committed: {
      const MutexLock lock(mutex_);
      tally_.add_commit(sink, outcome.rows);
      if (!std::exchange(jobs_[request.job].committed, true)) tally_.add_read(outcome.rows);
      return;
    }
    case SinkOutcome::Kind::committed_elsewhere: {
      log_.info(fmt::format("{} into \"{}\": another run committed it first", request.partition.id,
                            graph_[sink].name));
      const MutexLock lock(mutex_);
      tally_.add_skipped(sink);
      return;
    }
    case SinkOutcome::Kind::deferred:
      if (cancellation_.requested()) remainder.interrupted = true;
      else remainder.sinks.push_back(sink);
      return;
    case SinkOutcome::Kind::failed:
      settle_failure(request, sink, *outcome.error, remainder);
  }
}

void Scheduler::settle_failure(const AttemptRequest& request, NodeIndex sink,
                               const StageError& error, Remainder& remainder) {
  remainder.failed = true;
  const bool stopped = cancellation_.requested();
  if (stopped && (error.code() == Code::cancelled || error.code() == Code::transient)) {
    remainder.interrupted = true;
  } else if (error.code() == Code::cancelled) {
    give_up(request, sink,
            StageError(Error(Code::internal, error.cause() + ", but no stop was requested"),
                       error.origin()),
            State::failed);
  } else if (settings_.retry.allows(error, request.number)) {
    const milliseconds backoff = settings_.retry.backoff(error, request.number);
    remainder.delay = std::max(remainder.delay, backoff);
    log_.warn(fmt::format("{} into \"{}\": {}", request.partition.id, graph_[sink].name,
                          settings_.retry.describe(error, request.number, backoff)));
    remainder.sinks.push_back(sink);
  } else {
    give_up(request, sink, error, error.code() == Code::missing ? State::missing : State::failed);
  }
}

void Scheduler::give_up(const AttemptRequest& request, NodeIndex sink, const StageError& error,
                        State state) {
  const std::string message = record_failure(request, sink, error, state);
  if (state == State::missing) {
    log_.info(fmt::format("{}: missing: {}", request.partition.id, error.message()));
    const MutexLock lock(mutex_);
    jobs_[request.job].missing = true;
    tally_.add_missing(sink);
    return;
  }
  log_.error(fmt::format("{} into \"{}\" failed: {}", request.partition.id, graph_[sink].name,
                         error.message()));
  const MutexLock lock(mutex_);
  jobs_[request.job].failed = true;
  tally_.add_failure(
      sink, {graph_[request.source].name, request.partition.id, graph_[sink].name, error.stage(),
             request.number, message, error.code() == Code::transient});
  if (settings_.stop_on_failure) queue_.close();
}

/// Returns the message as it was recorded. When the ledger cannot be written, nothing is lost: the
/// next run attempts what the ledger does not have.
std::string Scheduler::record_failure(const AttemptRequest& request, NodeIndex sink,
                                      const StageError& error, State state) {
  LedgerRecord record = ledger_record(graph_, settings_.run, request, sink, state);
  record.error = kept_message(error, log_);
  try {
    graph_.sink(sink).record(record);
  } catch (const Error& failure) {
    log_.warn(fmt::format("{}: not recorded as {}: {}", request.partition.id, state_name(state),
                          failure.message()));
  }
  return record.error;
}

void Scheduler::finish(const PartitionJob& job) {
  if (--unfinished_ == 0) queue_.close();
  if (job.interrupted) return;
  progress_.finished();
  if (job.failed) progress_.failed();
  tally_.add_partition(job.failed      ? &PartitionCounts::failed
                       : job.missing   ? &PartitionCounts::missing
                       : job.committed ? &PartitionCounts::done
                                       : &PartitionCounts::skipped);
}

void Scheduler::log_rejects() const {
  struct Total {
    std::int64_t rows = 0;
    std::int64_t partitions = 0;
    std::string first;
  };
  std::map<std::pair<NodeIndex, std::string>, Total> totals;
  {
    const MutexLock lock(mutex_);
    for (const PartitionJob& job : jobs_) {
      if (!job.committed) continue;
      for (const auto& [reason, rows] : job.rejects) {
        Total& total = totals[{job.source, reason}];
        total.rows += rows;
        if (total.partitions++ == 0) total.first = job.partition->id;
      }
    }
  }
  for (const auto& [what, total] : totals) {
    log_.write(LogLevel::warn, graph_[what.first].name,
               fmt::format("{} of {} rejected: {}; the first in {}", counted(total.rows, "row"),
                           counted(total.partitions, "partition"), what.second, total.first));
  }
}

void Scheduler::add_to(Summary& summary) const {
  const MutexLock lock(mutex_);
  tally_.add_to(summary, graph_);
}

std::string kept_message(const Error& error, Log& log) {
  return printable(log.redactor().conceal(error.message()), "\n");
}

}  // namespace etl::runtime
