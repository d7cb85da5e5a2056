#include "core/runtime/attempt/attempt_runner.hpp"

#include "core/runtime/attempt/activity.hpp"

#include <algorithm>

namespace etl::runtime {
namespace {

/// Runs `body`, which writes rejects; blames the setting `run.rejects` for its failure.
template <class Body>
void keeping_rejects(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    throw StageError(error, {"run.rejects"});
  }
}

}  // namespace

/// One attempt: a flow on the reading side, one stream per sink on the writing side. It is complete
/// once all of these parts have finished.
struct AttemptRunner::Attempt : StreamGroup {
  Attempt(AttemptRequest asked, std::function<void(AttemptResult)> on_done, const Graph& graph,
          FlowSettings settings, const Cancellation& cancellation, Activity* activity)
      : request(std::move(asked)),
        done(std::move(on_done)),
        flow(graph, request.source, request.sinks, std::move(settings), cancellation, activity) {}

  AttemptRequest request;
  std::function<void(AttemptResult)> done;
  std::unique_ptr<SpoolWriter> rejects;  // nullptr: they are not kept
  PartitionFlow flow;
  std::optional<StageError> flow_error;  // set by the reading side before its part finishes

  // Guarded by the mutex of the runner until all parts have finished.
  std::size_t parts = 0;  // that have not finished
  std::map<NodeIndex, SinkOutcome> outcomes;
  std::map<NodeIndex, std::chrono::nanoseconds> busy;  // of the writers
};

AttemptRunner::AttemptRunner(const Graph& graph, AttemptSettings settings,
                             Cancellation& cancellation)
    : graph_(graph),
      settings_(std::move(settings)),
      cancellation_(cancellation),
      slots_(graph, settings_.readers, settings_.slots),
      exchange_(slots_, settings_.memory_limit, cancellation, &graph.memory()),
      writer_(graph, settings_, exchange_) {
  try {
    start_writers();
  } catch (...) {
    stop_writers();
    throw;
  }
}

AttemptRunner::~AttemptRunner() { stop_writers(); }

void AttemptRunner::start_writers() {
  for (const NodeIndex sink : graph_.of_kind(Kind::sink)) {
    for (std::size_t i = 0; i < slots_.limit(sink); ++i)
      threads_.emplace_back([this, sink] { write_streams_of(sink); });
  }
}

void AttemptRunner::stop_writers() {
  exchange_.stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

Activity* AttemptRunner::activity(NodeIndex node) const {
  return settings_.activities == nullptr ? nullptr : &settings_.activities[node];
}

// ---- reading side ------------------------------------------------------------------------------

void AttemptRunner::run(const AttemptRequest& request,
                        const std::function<void(AttemptResult)>& done) {
  this_activity = activity(request.source);
  if (this_activity != nullptr) this_activity->partition = static_cast<std::int64_t>(request.job);
  Attempt* begun = nullptr;
  if (const auto error = failure_of([&] { begun = &begin(request, done); })) {
    done(failed_attempt(graph_, request, *error));
    return;
  }
  Attempt& attempt = *begun;
  attempt.flow_error = failure_of([&] { read_partition(attempt); });
  if (this_activity != nullptr) this_activity->partition = -1;
  std::size_t parts = 1;
  if (attempt.flow_error) parts += exchange_.abort(attempt, *attempt.flow_error);
  finish_parts(attempt, parts + exchange_.deferred_streams(attempt));
}

AttemptRunner::Attempt& AttemptRunner::begin(const AttemptRequest& request,
                                             const std::function<void(AttemptResult)>& done) {
  FlowSettings flow;
  flow.pushdown = settings_.pushdown;
  flow.max_rejects = settings_.max_rejects;
  flow.on_read = settings_.on_read;
  flow.time_limit = settings_.time_limit;
  flow.faults = settings_.faults;
  std::unique_ptr<SpoolWriter> rejects = keep_rejects(request, flow);
  auto owned = std::make_unique<Attempt>(request, done, graph_, std::move(flow), cancellation_,
                                         this_activity);
  Attempt& attempt = *owned;
  attempt.rejects = std::move(rejects);
  for (const NodeIndex sink : attempt.request.sinks) {
    SinkStream& stream = *attempt.streams.emplace_back(std::make_unique<SinkStream>());
    stream.sink = sink;
    stream.memory = &graph_[sink].stage->memory();
  }
  attempt.parts = attempt.streams.size() + 1;
  {
    const MutexLock lock(mutex_);
    attempts_.emplace(&attempt, std::move(owned));
  }
  try {
    exchange_.begin(attempt, request.last);
  } catch (...) {
    const MutexLock lock(mutex_);
    attempts_.erase(&attempt);
    throw;
  }
  return attempt;
}

std::unique_ptr<SpoolWriter> AttemptRunner::keep_rejects(const AttemptRequest& request,
                                                         FlowSettings& flow) {
  if (settings_.rejects == nullptr) return nullptr;
  std::unique_ptr<SpoolWriter> writer = settings_.rejects->begin(graph_, request);
  flow.on_reject = [this, request, out = writer.get()](NodeIndex stage, const etl_reject& reject) {
    keeping_rejects([&] { out->add(settings_.rejects->entry(graph_, request, stage, reject)); });
  };
  return writer;
}

/// Completes the spool before anything commits. When no sink wanted more, the partition was not
/// read to its end, and its rejects are of no use.
void AttemptRunner::finish_rejects(Attempt& attempt) {
  const bool wanted = std::ranges::any_of(
      attempt.request.sinks, [&](NodeIndex sink) { return !attempt.flow.closed(sink); });
  if (attempt.rejects != nullptr && wanted) keeping_rejects([&] { attempt.rejects->finish(); });
}

void AttemptRunner::read_partition(Attempt& attempt) {
  std::map<NodeIndex, SinkStream*> stream_of;
  for (auto& stream : attempt.streams) stream_of[stream->sink] = stream.get();
  attempt.flow.run(
      attempt.request.partition,
      [&](NodeIndex sink, Batch batch) {
        return exchange_.push(*stream_of.at(sink), std::move(batch));
      },
      attempt.request.replay.get());
  // Makes all records before the first end(): when one sink's counts do not add up, no other sink
  // may have committed.
  std::map<NodeIndex, LedgerRecord> records;
  for (const auto& [sink, stream] : stream_of) {
    LedgerRecord record = ledger_record(graph_, settings_.run, attempt.request, sink, State::done);
    if (!attempt.flow.closed(sink)) set_row_counts(record, attempt.flow.counts_for(sink));
    records.emplace(sink, std::move(record));
  }
  finish_rejects(attempt);
  for (auto& [sink, record] : records) exchange_.end(*stream_of.at(sink), std::move(record));
}

// ---- writing side ------------------------------------------------------------------------------

void AttemptRunner::write_streams_of(NodeIndex sink) {
  this_activity = activity(sink);
  const auto stack = this_activity != nullptr ? std::make_unique<CrashStack>() : nullptr;
  while (SinkStream* stream = exchange_.take(sink)) {
    auto& attempt = static_cast<Attempt&>(*stream->group);
    if (this_activity != nullptr) {
      this_activity->partition = static_cast<std::int64_t>(attempt.request.job);
      this_activity->stage = static_cast<std::int32_t>(sink);
    }
    const auto begun = std::chrono::steady_clock::now();
    SinkOutcome outcome = writer_.write(attempt.request, *stream);
    if (this_activity != nullptr) this_activity->partition = -1;
    exchange_.close(*stream);
    {
      const MutexLock lock(mutex_);
      attempt.busy[sink] = std::chrono::steady_clock::now() - begun;
      attempt.outcomes[sink] = std::move(outcome);
    }
    finish_parts(attempt);
    // Last, because completing an attempt (recording a failure) may wait for writers of other
    // sinks. If the slot were returned earlier, they in turn could wait for this thread.
    exchange_.release(sink);
  }
}

// ---- the end of an attempt ---------------------------------------------------------------------

void AttemptRunner::finish_parts(Attempt& attempt, std::size_t parts) {
  std::unique_ptr<Attempt> finished;
  {
    const MutexLock lock(mutex_);
    attempt.parts -= parts;
    if (attempt.parts != 0) return;
    finished = std::move(attempts_.extract(&attempt).mapped());
  }
  complete(std::move(finished));
}

void AttemptRunner::complete(std::unique_ptr<Attempt> attempt) {
  AttemptResult result;
  const FlowCounts& counts = attempt->flow.counts();
  result.stages = counts.stages();
  for (const auto& [sink, busy] : attempt->busy) result.stages[sink].busy += busy;
  for (const Node& node : graph_.nodes()) result.peaks.push_back(node.stage->memory().peak());
  result.downloaded = counts.downloaded();
  result.decoded = counts.decoded();
  result.rejects = counts.rejects();
  for (auto& stream : attempt->streams) {
    SinkOutcome& outcome = result.outcomes[stream->sink];
    if (const auto at = attempt->outcomes.find(stream->sink); at != attempt->outcomes.end())
      outcome = std::move(at->second);
    if (stream->deferred) outcome.kind = SinkOutcome::Kind::deferred;
    if (outcome.kind == SinkOutcome::Kind::failed && !outcome.error)
      outcome.error = attempt->flow_error;
  }
  const std::function<void(AttemptResult)> done = std::move(attempt->done);
  attempt.reset();  // `done` may end the run
  done(std::move(result));
}

}  // namespace etl::runtime
