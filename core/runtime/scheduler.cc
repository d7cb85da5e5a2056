#include "core/runtime/scheduler.hpp"

#include "core/runtime/clock.hpp"
#include "core/runtime/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

namespace etl::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_backoff{60'000};
/// A server may ask for any wait; more than this is taken as a mistake.
constexpr milliseconds longest_retry_after{3'600'000};

std::vector<std::size_t> write_slots(const Graph& graph, std::size_t workers) {
  std::vector<std::size_t> slots;
  for (const Node& node : graph.nodes()) {
    const std::size_t limit = node.stage->table().max_writers;
    slots.push_back(node.kind != Kind::sink ? 0 : limit == 0 ? workers : std::min(limit, workers));
  }
  return slots;
}

/// Runs `body`; whatever it throws comes back as a StageError.
template <class Body>
std::optional<StageError> caught(Body&& body) {
  try {
    body();
    return std::nullopt;
  } catch (const StageError& error) {
    return error;
  } catch (const Error& error) {
    return StageError(error, "runner", "");
  } catch (const std::exception& error) {
    return StageError(Error(Code::internal, error.what()), "runner", "");
  }
}

}  // namespace

/// A job on its way through attempts.
struct Scheduler::JobState {
  Job job;
  std::int64_t attempts = 0;
  std::int64_t started_at = 0;
  bool committed = false;  ///< by this run, into at least one sink
  bool failed = false;
  bool missing = false;
  bool interrupted = false;
  bool read_counted = false;
};

/// One attempt: a flow on the reading side, a stream a sink on the writing side. Complete once all
/// of these parts have finished.
struct Scheduler::Attempt : Delivery {
  Attempt(JobState& of, const Graph& graph, FlowSettings settings, const Cancellation& cancellation)
      : job(of), flow(graph, of.job.source, of.job.sinks, std::move(settings), cancellation) {}

  JobState& job;
  PartitionFlow flow;
  std::size_t parts = 0;                  // guarded by the scheduler
  std::optional<StageError> flow_error;   // set by the reading side before its part finishes
  std::map<NodeIndex, Outcome> outcomes;  // guarded by the scheduler
};

Scheduler::Scheduler(const Graph& graph, std::vector<Job> jobs, SchedulerSettings settings,
                     Cancellation& cancellation, Log& log, Progress& progress)
    : graph_(graph),
      settings_(std::move(settings)),
      cancellation_(cancellation),
      log_(log),
      progress_(progress),
      exchange_(write_slots(graph, settings_.workers), settings_.memory_limit, cancellation),
      random_(std::random_device{}()),
      stages_(graph.nodes().size()),
      wake_(cancellation, [this] {
        const std::scoped_lock lock(mutex_);
        changed_.notify_all();
      }) {
  for (Job& job : jobs) {
    JobState& state = jobs_.emplace_back();
    state.job = std::move(job);
    state.failed = state.job.failed;
    ready_.emplace(Clock::time_point{}, &state);
  }
  unfinished_ = jobs_.size();
}

Scheduler::~Scheduler() = default;

void Scheduler::run() {
  progress_.start(jobs_.size());
  std::string refused;
  try {
    start_threads();
  } catch (const std::system_error& error) {
    refused = error.code().message();
  }
  const std::size_t working = workers_.size();
  for (std::thread& worker : workers_) worker.join();
  exchange_.stop();
  for (std::thread& writer : writers_) writer.join();
  progress_.stop();
  if (refused.empty()) return;
  if (working == 0) throw Error::transient("cannot start the threads of the run: " + refused);
  log_.warn(fmt::format("{} of {} workers were there, for more threads could not be started: {}",
                        working, settings_.workers, refused));
}

/// Writers first: a slot without a thread behind it would never be served.
void Scheduler::start_threads() {
  const std::vector<std::size_t> slots = write_slots(graph_, settings_.workers);
  for (const NodeIndex sink : graph_.of_kind(Kind::sink)) {
    for (std::size_t i = 0; i < slots[sink]; ++i) {
      writers_.emplace_back([this, sink] { write(sink); });
    }
  }
  for (std::size_t i = 0; i < settings_.workers; ++i) workers_.emplace_back([this] { work(); });
}

// ---- reading side ------------------------------------------------------------------------------

void Scheduler::work() {
  while (JobState* job = next_job()) attempt(*job);
}

Scheduler::JobState* Scheduler::next_job() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (cancellation_.requested() || stopping_ || unfinished_ == 0) return nullptr;
    if (ready_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto first = ready_.begin();
    if (first->first <= Clock::now()) {
      JobState* job = first->second;
      ready_.erase(first);
      return job;
    }
    changed_.wait_until(lock, first->first);
  }
}

void Scheduler::attempt(JobState& job) {
  ++job.attempts;
  job.started_at = now_us();
  FlowSettings flow = settings_.flow;
  flow.on_read = [this](std::int64_t rows) { progress_.rows(rows); };
  auto owned = std::make_unique<Attempt>(job, graph_, std::move(flow), cancellation_);
  Attempt& attempt = *owned;
  for (const NodeIndex sink : job.job.sinks) {
    attempt.streams.emplace_back(std::make_unique<SinkStream>())->sink = sink;
  }
  attempt.parts = attempt.streams.size() + 1;
  {
    const std::scoped_lock lock(mutex_);
    attempts_.emplace(&attempt, std::move(owned));
  }
  progress_.begin(job.job.partition->id);
  exchange_.begin(attempt);
  attempt.flow_error = caught([&] { read_partition(attempt); });
  std::size_t parts = 1;
  if (attempt.flow_error) parts += exchange_.abort(attempt, *attempt.flow_error);
  part_finished(attempt, parts);
}

void Scheduler::read_partition(Attempt& attempt) {
  std::map<NodeIndex, SinkStream*> stream_of;
  for (auto& stream : attempt.streams) stream_of[stream->sink] = stream.get();
  attempt.flow.run(*attempt.job.job.partition, [&](NodeIndex sink, Batch batch) {
    return exchange_.push(*stream_of.at(sink), std::move(batch));
  });
  // All records before the first end(): a count that does not add up must not find another
  // committed.
  std::map<NodeIndex, LedgerRecord> records;
  for (const auto& [sink, stream] : stream_of) {
    LedgerRecord record = ledger_record(attempt.job, sink, State::done);
    if (!attempt.flow.closed(sink)) {
      const RowCounts rows = attempt.flow.counts_for(sink);
      record.rows_read = rows.read;
      record.rows_filtered = rows.filtered;
      record.rows_rejected = rows.rejected;
      record.rows_written = rows.written;
      const std::scoped_lock lock(mutex_);
      attempt.outcomes[sink].rows = rows;
    }
    records.emplace(sink, std::move(record));
  }
  for (auto& [sink, record] : records) exchange_.end(*stream_of.at(sink), std::move(record));
}

LedgerRecord Scheduler::ledger_record(const JobState& job, NodeIndex sink, State state) const {
  LedgerRecord record;
  record.state = state;
  record.pipeline = settings_.pipeline;
  record.source = graph_[job.job.source].name;
  record.sink = graph_[sink].name;
  record.partition = job.job.partition->id;
  record.source_uri = job.job.partition->uri;
  record.source_bytes = job.job.partition->bytes;
  record.definition = graph_.definition(job.job.source, sink);
  record.run_id = settings_.run_id;
  record.attempts = job.attempts;
  record.started_at = job.started_at;
  record.finished_at = now_us();
  return record;
}

// ---- writing side ------------------------------------------------------------------------------

void Scheduler::write(NodeIndex sink) {
  while (SinkStream* stream = exchange_.take(sink)) {
    auto& attempt = static_cast<Attempt&>(*stream->delivery);
    const auto begun = Clock::now();
    std::optional<StageError> error = caught([&] { write_partition(*stream); });
    Outcome::Kind kind = error ? Outcome::Kind::failed : Outcome::Kind::committed;
    if (error && error->code() == Code::conflict) {
      // After a COMMIT whose answer was lost, the winner may be this very run.
      std::optional<StageError> unreadable = caught([&] {
        kind = committed_by_this_run(attempt.job, sink) ? Outcome::Kind::committed
                                                        : Outcome::Kind::lost;
      });
      if (unreadable) error = std::move(unreadable);
    }
    exchange_.close(*stream);
    {
      const std::scoped_lock lock(mutex_);
      stages_[sink].busy += Clock::now() - begun;
      Outcome& outcome = attempt.outcomes[sink];
      outcome.kind = kind;
      outcome.error = std::move(error);
    }
    part_finished(attempt);
    // Only now, for what a finished attempt takes (recording a failure) may wait for writers of
    // other sinks; a slot given back earlier could have them wait for this thread.
    exchange_.release(sink);
  }
}

void Scheduler::write_partition(SinkStream& stream) {
  const auto& attempt = static_cast<const Attempt&>(*stream.delivery);
  const Node& node = graph_[stream.sink];
  const Job& job = attempt.job.job;
  std::optional<Batch> batch = exchange_.pop(stream);  // before the transaction: it may never come
  const WriteRequest request{settings_.pipeline, graph_[job.source].name, node.name,
                             settings_.run_id,   *job.partition,          settings_.reload};
  SinkWriter writer(*node.stage, request, node.in);
  std::int64_t rows = 0;
  for (; batch; batch = exchange_.pop(stream)) {
    const auto count = static_cast<std::int64_t>(batch->rows());
    writer.write(std::move(*batch));
    rows += count;
    progress_.written(count);
  }
  if (rows != stream.record.rows_written) {
    throw node.stage->failure(
        Error(Code::internal,
              fmt::format("{} rows written where {} were sent", rows, stream.record.rows_written)));
  }
  LedgerRecord record = stream.record;
  record.finished_at = now_us();
  writer.commit(record);
}

bool Scheduler::committed_by_this_run(const JobState& job, NodeIndex sink) const {
  const std::vector<LedgerRecord> records = graph_[sink].stage->committed(settings_.pipeline);
  return std::any_of(records.begin(), records.end(), [&](const LedgerRecord& record) {
    return record.state == State::done && record.run_id == settings_.run_id &&
           record.partition == job.job.partition->id &&
           record.source == graph_[job.job.source].name;
  });
}

// ---- the end of an attempt ---------------------------------------------------------------------

void Scheduler::part_finished(Attempt& attempt, std::size_t parts) {
  {
    const std::scoped_lock lock(mutex_);
    attempt.parts -= parts;
    if (attempt.parts != 0) return;
  }
  complete(attempt);
}

void Scheduler::complete(Attempt& attempt) {
  JobState& job = attempt.job;
  progress_.end(job.job.partition->id);
  std::unique_ptr<Attempt> owned;
  {
    const std::scoped_lock lock(mutex_);
    owned = std::move(attempts_.extract(&attempt).mapped());
    add_stage_counts(attempt);
    downloaded_ += attempt.flow.downloaded();
    decoded_ += attempt.flow.decoded();
  }
  if (const std::string rejects = attempt.flow.rejects_by_reason(); !rejects.empty()) {
    log_.write(LogLevel::warn, graph_[job.job.source].name,
               fmt::format("{}: {}", job.job.partition->id, rejects));
  }
  std::vector<NodeIndex> again;
  milliseconds delay{0};
  for (const NodeIndex sink : job.job.sinks) {
    Outcome outcome = attempt.outcomes[sink];
    if (outcome.kind == Outcome::Kind::failed && !outcome.error) outcome.error = attempt.flow_error;
    settle(job, sink, outcome, again, delay);
  }
  job.job.sinks = std::move(again);
  if (job.job.sinks.empty()) finish(job);
  else requeue(job, delay);
}

/// Time counts whatever became of the attempt; rows count once, with the attempt that committed.
void Scheduler::add_stage_counts(const Attempt& attempt) {
  const bool committed = std::any_of(
      attempt.outcomes.begin(), attempt.outcomes.end(),
      [](const auto& outcome) { return outcome.second.kind == Outcome::Kind::committed; });
  for (NodeIndex node = 0; node < stages_.size(); ++node) {
    StageCounts counts = attempt.flow.stages()[node];
    if (!committed) counts = {0, 0, 0, counts.busy};
    stages_[node] += counts;
  }
}

void Scheduler::settle(JobState& job, NodeIndex sink, const Outcome& outcome,
                       std::vector<NodeIndex>& again, milliseconds& delay) {
  if (outcome.kind == Outcome::Kind::committed) {
    const std::scoped_lock lock(mutex_);
    job.committed = true;
    ++sinks_[sink].partitions.done;
    sinks_[sink].rows += outcome.rows;
    if (!std::exchange(job.read_counted, true)) {
      read_once_.read += outcome.rows.read;
      read_once_.rejected += outcome.rows.rejected;
    }
    return;
  }
  if (outcome.kind == Outcome::Kind::lost) {
    log_.info(fmt::format("{} into \"{}\": another run committed it meanwhile",
                          job.job.partition->id, graph_[sink].name));
    const std::scoped_lock lock(mutex_);
    ++sinks_[sink].partitions.skipped;
    return;
  }
  const StageError& error = *outcome.error;
  switch (error.code()) {
    case Code::cancelled:
      if (cancellation_.requested()) job.interrupted = true;
      else
        give_up(job, sink, error.retold(Code::internal, ", though nobody asked it to"),
                State::failed);
      return;
    case Code::missing:
      give_up(job, sink, error, State::missing);
      return;
    case Code::transient:
      if (job.attempts <= settings_.retries && !cancellation_.requested()) {
        delay = std::max(
            {delay, backoff(job.attempts), std::min(error.retry_after(), longest_retry_after)});
        log_.warn(fmt::format("{} into \"{}\": attempt {} of {}: {}", job.job.partition->id,
                              graph_[sink].name, job.attempts, settings_.retries + 1,
                              error.message()));
        again.push_back(sink);
        return;
      }
      [[fallthrough]];
    default:
      give_up(job, sink, error, State::failed);
  }
}

/// Records it where it can be recorded; a ledger that cannot be written loses nothing, for what is
/// not in it is tried again.
void Scheduler::give_up(JobState& job, NodeIndex sink, const StageError& error, State state) {
  if (cancellation_.requested() && state == State::failed && error.code() == Code::transient) {
    job.interrupted = true;
    return;
  }
  LedgerRecord record = ledger_record(job, sink, state);
  record.error = presentable(error);
  if (const auto failure = caught([&] { graph_[sink].stage->record(record); })) {
    log_.warn(fmt::format("{}: not recorded as {}: {}", job.job.partition->id, state_name(state),
                          failure->message()));
  }
  if (state == State::missing)
    log_.info(fmt::format("{}: missing: {}", job.job.partition->id, error.message()));
  else
    log_.error(fmt::format("{} into \"{}\" failed: {}", job.job.partition->id, graph_[sink].name,
                           error.message()));
  const std::scoped_lock lock(mutex_);
  if (state == State::missing) {
    job.missing = true;
    ++sinks_[sink].partitions.missing;
    return;
  }
  job.failed = true;
  ++sinks_[sink].partitions.failed;
  failures_.push_back(
      {job.job.partition->id, graph_[sink].name, error.stage(), job.attempts, record.error});
  if (settings_.stop_on_failure) stopping_ = true;
  changed_.notify_all();
}

/// As the ledger and the summary keep it: a database takes no broken UTF-8.
std::string Scheduler::presentable(const Error& error) const {
  return printable(log_.redactor().conceal(error.message()), "\n");
}

void Scheduler::requeue(JobState& job, milliseconds delay) {
  const std::scoped_lock lock(mutex_);
  ready_.emplace(Clock::now() + delay, &job);
  changed_.notify_all();
}

void Scheduler::finish(JobState& job) {
  if (!job.interrupted) {
    graph_[job.job.source].stage->finish(job.job.partition->id);
    progress_.finished();
    if (job.failed) progress_.failed();
  }
  const std::scoped_lock lock(mutex_);
  if (!job.interrupted) {
    if (job.failed) ++partitions_.failed;
    else if (job.missing) ++partitions_.missing;
    else if (job.committed) ++partitions_.done;
    else ++partitions_.skipped;
  }
  --unfinished_;
  changed_.notify_all();
}

milliseconds Scheduler::backoff(std::int64_t attempts) {
  milliseconds delay = settings_.retry_delay;
  for (std::int64_t i = 1; i < attempts && delay < longest_backoff; ++i) delay *= 2;
  delay = std::min(delay, longest_backoff);
  // Jitter, so that workers that failed together do not come back together.
  const std::scoped_lock lock(mutex_);
  return milliseconds(std::uniform_int_distribution<std::int64_t>(delay.count() * 3 / 4,
                                                                  delay.count() * 5 / 4)(random_));
}

// ---- results -----------------------------------------------------------------------------------

void Scheduler::add_to(Summary& summary) const {
  const std::scoped_lock lock(mutex_);
  std::size_t at = 0;
  for (const NodeIndex sink : graph_.of_kind(Kind::sink)) {
    SinkSummary& out = summary.sinks[at++];
    const auto found = sinks_.find(sink);
    if (found == sinks_.end()) continue;
    out.rows += found->second.rows;
    out.partitions.done += found->second.partitions.done;
    out.partitions.skipped += found->second.partitions.skipped;
    out.partitions.failed += found->second.partitions.failed;
    out.partitions.missing += found->second.partitions.missing;
  }
  for (NodeIndex node = 0; node < stages_.size(); ++node)
    summary.stages[node].counts += stages_[node];
  for (const auto& [sink, counts] : sinks_) {
    summary.stages[sink].counts.rows_in = counts.rows.written;
    summary.stages[sink].counts.rows_out = counts.rows.written;
  }
  summary.partitions.done += partitions_.done;
  summary.partitions.skipped += partitions_.skipped;
  summary.partitions.failed += partitions_.failed;
  summary.partitions.missing += partitions_.missing;
  summary.bytes_downloaded += downloaded_;
  summary.bytes_decoded += decoded_;
  summary.failures.insert(summary.failures.end(), failures_.begin(), failures_.end());
  if (summary.sinks.size() == 1) {
    summary.rows = summary.sinks.front().rows;
    return;
  }
  summary.rows.read += read_once_.read;
  summary.rows.rejected += read_once_.rejected;
  for (const SinkSummary& sink : summary.sinks) {
    summary.rows.filtered += sink.rows.filtered;
    summary.rows.added += sink.rows.added;
    summary.rows.written += sink.rows.written;
  }
}

}  // namespace etl::runtime
