#include "core/runtime/attempt/partition_writer.hpp"

#include "core/runtime/base/environment.hpp"
#include "core/runtime/base/text_format.hpp"

#include <fmt/format.h>

namespace etl::runtime {

SinkOutcome PartitionWriter::write(const AttemptRequest& request, SinkStream& stream) const {
  std::optional<StageError> error;
  {
    Deadline deadline(settings_.time_limit, this_activity);
    error = failure_of([&] { write_rows(request, stream, deadline); });
    // A sink that waits, as for a lock, ends its wait at the time limit and says it was cancelled.
    if (error && error->code() == Code::cancelled && deadline.passed())
      error = graph_[stream.sink].stage->failure(time_limit_exceeded(settings_.time_limit));
  }
  if (!error) {
    return {SinkOutcome::Kind::committed, {}, row_counts(stream.record), request.number};
  }
  if (error->code() == Code::conflict) return after_conflict(request, stream.sink);
  return {SinkOutcome::Kind::failed, std::move(error), {}};
}

void PartitionWriter::write_rows(const AttemptRequest& request, SinkStream& stream,
                                 Deadline& deadline) const {
  const Node& node = graph_[stream.sink];
  const auto next_batch = [&] {
    deadline.pause();
    std::optional<Batch> batch = exchange_.pop(stream);
    deadline.resume();
    return batch;
  };
  std::optional<Batch> batch = next_batch();  // before the transaction: there may be none
  const WriteRequest to_write{
      settings_.run.pipeline, graph_[request.source].name, node.name,
      settings_.run.run_id,   request.partition,           settings_.reload};
  SinkWriter writer(graph_.sink(stream.sink), to_write, node.in);
  std::int64_t rows = 0;
  for (; batch; batch = next_batch()) {
    if (deadline.passed()) throw node.stage->failure(time_limit_exceeded(settings_.time_limit));
    const auto count = static_cast<std::int64_t>(batch->rows());
    writer.write(std::move(*batch));
    rows += count;
    settings_.on_written(count);
  }
  if (rows != stream.record.rows_written) {
    throw node.stage->failure(
        Error(Code::internal, fmt::format("wrote {}, but {} were sent", counted(rows, "row"),
                                          grouped(stream.record.rows_written))));
  }
  commit(node, writer, stream.record);
}

void PartitionWriter::commit(const Node& node, SinkWriter& writer, LedgerRecord record) const {
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

/// If the answer to a COMMIT was lost, the run that committed first may be this one. A conflict that
/// the ledger does not confirm is a fault: to skip the partition would lose it.
SinkOutcome PartitionWriter::after_conflict(const AttemptRequest& request, NodeIndex sink) const {
  const SinkStage& stage = graph_.sink(sink);
  std::optional<SinkOutcome> outcome;
  std::optional<StageError> error = failure_of([&] {
    for (const LedgerRecord& record : stage.committed(settings_.run.pipeline)) {
      if (record.state != State::done || record.partition != request.partition.id ||
          record.source != graph_[request.source].name)
        continue;
      if (record.run_id == settings_.run.run_id)
        outcome = {SinkOutcome::Kind::committed, {}, row_counts(record), record.attempts};
      else outcome = {SinkOutcome::Kind::committed_elsewhere, {}, {}};
    }
  });
  if (!error && !outcome)
    error = stage.failure(Error::transient(
        "says that another run has committed the partition, but its ledger does not have it"));
  if (error) return {SinkOutcome::Kind::failed, std::move(error), {}};
  return *std::move(outcome);
}

void PartitionWriter::pass(FaultPoint point) const {
  if (settings_.faults != nullptr) settings_.faults->pass(point);
}

}  // namespace etl::runtime
