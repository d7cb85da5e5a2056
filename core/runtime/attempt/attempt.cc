#include "core/runtime/attempt/attempt.hpp"

#include "core/runtime/base/environment.hpp"

#include <algorithm>
#include <new>
#include <thread>

namespace etl::runtime {
namespace {

AttemptResult same_for_all_sinks(const Graph& graph, const AttemptRequest& request,
                                 const SinkOutcome& outcome) {
  AttemptResult result;
  for (const NodeIndex sink : request.sinks) result.outcomes[sink] = outcome;
  result.stages.resize(graph.nodes().size());
  result.peaks.resize(graph.nodes().size());
  return result;
}

}  // namespace

AttemptSettings attempt_settings(const Pipeline& pipeline, RunIdentity run) {
  const auto& file = pipeline.file.run;
  AttemptSettings settings;
  settings.run = std::move(run);
  settings.memory_limit = static_cast<std::size_t>(file.memory_limit);
  settings.pushdown = file.pushdown;
  settings.max_rejects = file.max_rejects;
  settings.time_limit = file.partition_timeout;
  return settings;
}

std::size_t reader_count(const Pipeline& pipeline, std::size_t partitions) {
  const std::int64_t workers = pipeline.file.run.workers;
  return std::min(workers > 0 ? static_cast<std::size_t>(workers)
                              : std::max(1U, std::thread::hardware_concurrency()),
                  partitions);
}

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
  return same_for_all_sinks(graph, request, {SinkOutcome::Kind::failed, error, {}});
}

AttemptResult deferred_attempt(const Graph& graph, const AttemptRequest& request) {
  return same_for_all_sinks(graph, request, {SinkOutcome::Kind::deferred, {}, {}});
}

std::optional<StageError> failure_of(const std::function<void()>& body) {
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

}  // namespace etl::runtime
