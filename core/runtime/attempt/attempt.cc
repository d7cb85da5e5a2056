#include "core/runtime/attempt/attempt.hpp"

#include "core/runtime/base/clock.hpp"

namespace etl::runtime {

LedgerRecord ledger_record(const Graph& graph, const RunIdentity& run,
                           const AttemptRequest& request, NodeIndex sink, State state) {
  LedgerRecord record;
  record.state = state;
  record.pipeline = run.pipeline;
  record.source = graph[request.source].name;
  record.sink = graph[sink].name;
  record.partition = request.partition.id;
  record.source_uri = request.partition.uri;
  record.source_bytes = request.partition.bytes;
  record.definition = graph.definition(request.source, sink);
  record.run_id = run.run_id;
  record.attempts = request.number;
  record.started_at = request.started_at;
  record.finished_at = now_us();
  return record;
}

AttemptResult failed_attempt(const Graph& graph, const AttemptRequest& request,
                             const StageError& error) {
  AttemptResult result;
  for (const NodeIndex sink : request.sinks)
    result.outcomes[sink] = {Outcome::Kind::failed, error, {}};
  result.stages.resize(graph.nodes().size());
  result.peaks.resize(graph.nodes().size());
  return result;
}

}  // namespace etl::runtime
