#include "core/runtime/attempt/attempt_runner.hpp"

#include "core/runtime/attempt/crash_stack.hpp"
#include "core/runtime/base/clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>

namespace etl::runtime {
namespace {

/// Runs `body`; whatever it throws comes back as a StageError.
template <class Body>
std::optional<StageError> caught(Body&& body) {
  try {
    body();
    return std::nullopt;
  } catch (const StageError& error) {
    return error;
  } catch (const Error& error) {
    return StageError(error, {"runner"});
  } catch (const std::bad_alloc&) {
    return StageError(Error::transient("out of memory"), {"runner"});
  } catch (const std::exception& error) {
    return StageError(Error(Code::internal, error.what()), {"runner"});
  }
}

/// Runs `body`, which keeps rejects; what fails is told as that.
template <class Body>
void keeping_rejects(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    throw StageError(error, {"run.rejects"});
  }
}

}  // namespace

/// One attempt: a flow on the reading side, a stream a sink on the writing side. Complete once all
/// of these parts have finished.
struct AttemptRunner::Attempt : Delivery {
  Attempt(AttemptRequest asked, std::function<void(AttemptResult)> tell, const Graph& graph,
          FlowSettings settings, const Cancellation& cancellation, Activity* activity)
      : request(std::move(asked)),
        done(std::move(tell)),
        flow(graph, request.source, request.sinks, std::move(settings), cancellation, activity) {}

  AttemptRequest request;
  std::function<void(AttemptResult)> done;
  std::unique_ptr<SpoolWriter> rejects;  // nullptr: they are not kept
  PartitionFlow flow;
  std::size_t parts = 0;                  // guarded by the runner
  std::optional<StageError> flow_error;   // set by the reading side before its part finishes
  std::map<NodeIndex, RowCounts> rows;    // the same, for streams that were read to the end
  std::map<NodeIndex, Outcome> outcomes;  // guarded by the runner
  std::map<NodeIndex, std::chrono::nanoseconds> busy;  // the same: of the writers
};

AttemptRunner::AttemptRunner(const Graph& graph, AttemptSettings settings,
                             Cancellation& cancellation)
    : graph_(graph),
      settings_(std::move(settings)),
      cancellation_(cancellation),
      slots_(graph, settings_.readers, settings_.slots),
      exchange_(slots_, settings_.memory_limit, cancellation, &graph.memory()) {
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
    for (std::size_t i = 0; i < slots_.limit(sink); ++i) {
      writers_.emplace_back([this, sink] { write(sink); });
    }
  }
}

void AttemptRunner::stop_writers() {
  exchange_.stop();
  for (std::thread& writer : writers_) writer.join();
  writers_.clear();
}

void AttemptRunner::pass(FaultPoint point) const {
  if (settings_.faults != nullptr) settings_.faults->pass(point);
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
  if (const auto error = caught([&] { begun = &begin(request, done); })) {
    done(failed_attempt(graph_, request, *error));
    return;
  }
  Attempt& attempt = *begun;
  attempt.flow_error = caught([&] { read_partition(attempt); });
  if (this_activity != nullptr) this_activity->partition = -1;
  std::size_t parts = 1;
  if (attempt.flow_error) parts += exchange_.abort(attempt, *attempt.flow_error);
  part_finished(attempt, parts + exchange_.put_off(attempt));
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
    const std::scoped_lock lock(mutex_);
    attempts_.emplace(&attempt, std::move(owned));
  }
  try {
    exchange_.begin(attempt, request.last);
  } catch (...) {
    const std::scoped_lock lock(mutex_);
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

/// Before anything commits. Where no sink wants more, the partition was not read to its end: what
/// was rejected until then is of no use.
void AttemptRunner::finish_rejects(Attempt& attempt) {
  const std::vector<NodeIndex>& sinks = attempt.request.sinks;
  const bool wanted = std::any_of(sinks.begin(), sinks.end(),
                                  [&](NodeIndex sink) { return !attempt.flow.closed(sink); });
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
  // All records before the first end(): a count that does not add up must not find another
  // committed.
  std::map<NodeIndex, LedgerRecord> records;
  for (const auto& [sink, stream] : stream_of) {
    LedgerRecord record = ledger_record(graph_, settings_.run, attempt.request, sink, State::done);
    if (!attempt.flow.closed(sink)) {
      const RowCounts rows = attempt.flow.counts_for(sink);
      record.rows_read = rows.read;
      record.rows_filtered = rows.filtered;
      record.rows_rejected = rows.rejected;
      record.rows_written = rows.written;
      const std::scoped_lock lock(mutex_);
      attempt.rows[sink] = rows;
    }
    records.emplace(sink, std::move(record));
  }
  finish_rejects(attempt);
  for (auto& [sink, record] : records) exchange_.end(*stream_of.at(sink), std::move(record));
}

// ---- writing side ------------------------------------------------------------------------------

void AttemptRunner::write(NodeIndex sink) {
  this_activity = activity(sink);
  const auto stack = this_activity != nullptr ? std::make_unique<CrashStack>() : nullptr;
  while (SinkStream* stream = exchange_.take(sink)) {
    auto& attempt = static_cast<Attempt&>(*stream->delivery);
    if (this_activity != nullptr) {
      this_activity->partition = static_cast<std::int64_t>(attempt.request.job);
      this_activity->stage = static_cast<std::int32_t>(sink);
    }
    const auto begun = std::chrono::steady_clock::now();
    Outcome outcome = write_stream(*stream);
    if (this_activity != nullptr) this_activity->partition = -1;
    exchange_.close(*stream);
    {
      const std::scoped_lock lock(mutex_);
      attempt.busy[sink] = std::chrono::steady_clock::now() - begun;
      attempt.outcomes[sink] = std::move(outcome);
    }
    part_finished(attempt);
    // Only now, for what a finished attempt takes (recording a failure) may wait for writers of
    // other sinks; a slot given back earlier could have them wait for this thread.
    exchange_.release(sink);
  }
}

Outcome AttemptRunner::write_stream(SinkStream& stream) {
  const auto& attempt = static_cast<const Attempt&>(*stream.delivery);
  Outcome outcome;
  {
    Deadline deadline(settings_.time_limit, this_activity);
    outcome.error = caught([&] { write_partition(stream, deadline); });
  }
  if (!outcome.error) {
    outcome.kind = Outcome::Kind::committed;
    outcome.attempt = attempt.request.number;
    const std::scoped_lock lock(mutex_);
    outcome.rows = attempt.rows.at(stream.sink);
    return outcome;
  }
  if (outcome.error->code() != Code::conflict) return outcome;
  // After a COMMIT whose answer was lost, the winner may be this very run.
  std::optional<StageError> unreadable = caught([&] {
    const auto record = committed_by_this_run(attempt.request, stream.sink);
    outcome.kind = record ? Outcome::Kind::committed : Outcome::Kind::lost;
    if (!record) return;
    outcome.attempt = record->attempts;
    outcome.rows = row_counts(*record);
  });
  outcome.error = std::move(unreadable);
  return outcome;
}

void AttemptRunner::write_partition(SinkStream& stream, Deadline& deadline) {
  const auto& request = static_cast<const Attempt&>(*stream.delivery).request;
  const Node& node = graph_[stream.sink];
  const auto next = [&] {
    deadline.pause();
    std::optional<Batch> batch = exchange_.pop(stream);
    deadline.resume();
    return batch;
  };
  std::optional<Batch> batch = next();  // before the transaction: it may never come
  const WriteRequest to_write{
      settings_.run.pipeline, graph_[request.source].name, node.name,
      settings_.run.run_id,   request.partition,           settings_.reload};
  SinkWriter writer(graph_.sink(stream.sink), to_write, node.in);
  std::int64_t rows = 0;
  for (; batch; batch = next()) {
    if (deadline.passed()) throw node.stage->failure(time_limit_exceeded(settings_.time_limit));
    const auto count = static_cast<std::int64_t>(batch->rows());
    writer.write(std::move(*batch));
    rows += count;
    settings_.on_written(count);
  }
  if (rows != stream.record.rows_written) {
    throw node.stage->failure(
        Error(Code::internal,
              fmt::format("{} rows written where {} were sent", rows, stream.record.rows_written)));
  }
  LedgerRecord record = stream.record;
  record.finished_at = now_us();
  try {
    pass(FaultPoint::sink_commit);
    writer.commit(record);
    pass(FaultPoint::sink_committed);
  } catch (const StageError&) {
    throw;
  } catch (const Error& error) {
    throw node.stage->failure(error);
  }
}

std::optional<LedgerRecord> AttemptRunner::committed_by_this_run(const AttemptRequest& request,
                                                                 NodeIndex sink) const {
  for (LedgerRecord& record : graph_.sink(sink).committed(settings_.run.pipeline)) {
    if (record.state == State::done && record.run_id == settings_.run.run_id &&
        record.partition == request.partition.id && record.source == graph_[request.source].name)
      return std::move(record);
  }
  return std::nullopt;
}

// ---- the end of an attempt ---------------------------------------------------------------------

void AttemptRunner::part_finished(Attempt& attempt, std::size_t parts) {
  {
    const std::scoped_lock lock(mutex_);
    attempt.parts -= parts;
    if (attempt.parts != 0) return;
  }
  complete(attempt);
}

void AttemptRunner::complete(Attempt& attempt) {
  std::unique_ptr<Attempt> owned;
  {
    const std::scoped_lock lock(mutex_);
    owned = std::move(attempts_.extract(&attempt).mapped());
  }
  AttemptResult result;
  result.stages = attempt.flow.stages();
  for (const auto& [sink, busy] : attempt.busy) result.stages[sink].busy += busy;
  for (const Node& node : graph_.nodes()) result.peaks.push_back(node.stage->memory().peak());
  result.downloaded = attempt.flow.downloaded();
  result.decoded = attempt.flow.decoded();
  result.rejects = attempt.flow.rejects_by_reason();
  for (auto& stream : attempt.streams) {
    Outcome& outcome = result.outcomes[stream->sink];
    if (const auto at = attempt.outcomes.find(stream->sink); at != attempt.outcomes.end())
      outcome = std::move(at->second);
    if (stream->put_off) outcome.kind = Outcome::Kind::put_off;
    if (outcome.kind == Outcome::Kind::failed && !outcome.error) outcome.error = attempt.flow_error;
  }
  const std::function<void(AttemptResult)> done = std::move(attempt.done);
  owned.reset();  // whoever is told may end the run
  done(std::move(result));
}

}  // namespace etl::runtime
