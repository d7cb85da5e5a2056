/// \file
/// One attempt at one partition: the request and its result, plain values that can be handed to
/// another thread or process; and the settings of all attempts.
#pragma once

#include "core/runtime/attempt/partition_flow.hpp"
#include "core/runtime/pipeline/pipeline.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace etl::runtime {

class RejectSpools;

struct AttemptRequest {
  std::size_t job = 0;  ///< the scheduler's number of the partition
  NodeIndex source = 0;
  Partition partition;
  std::vector<NodeIndex> sinks;   ///< those that lack it
  std::int64_t number = 1;        ///< 1 = the first attempt of this run
  std::int64_t started_at = 0;    ///< microseconds since 1970-01-01 UTC
  bool isolated = false;          ///< an earlier attempt ended its worker process
  bool last = false;              ///< no other partition waits; not sent to worker processes
  std::int64_t spool = 0;         ///< number of the file for its rejects; 0 = they are not kept
  bool replaces_rejects = false;  ///< there are rejects of an earlier attempt
  std::shared_ptr<const Replay> replay = nullptr;  ///< read instead of the partition
};

/// How one attempt ended for one sink.
struct SinkOutcome {
  enum class Kind {
    committed,
    committed_elsewhere,  ///< another run committed the partition first
    deferred,             ///< to be read again, although nothing failed
    failed
  };
  Kind kind = Kind::failed;
  std::optional<StageError> error;  ///< of a failure
  RowCounts rows;                   ///< of a commit
  std::int64_t attempt = 0;         ///< number of the attempt that committed
};

struct AttemptResult {
  std::map<NodeIndex, SinkOutcome> outcomes;  ///< one for every requested sink
  std::vector<StageCounts> stages;            ///< by node
  std::vector<std::int64_t> peaks;            ///< by node: most bytes held by the stage so far
  std::int64_t downloaded = 0;
  std::int64_t decoded = 0;
  std::map<std::string, std::int64_t> rejects;  ///< rejected rows by reason
};

/// Identifies a run in the ledger records of its partitions.
struct RunIdentity {
  std::string pipeline;
  std::string run_id;
};

/// The settings of all attempts that one process makes.
struct AttemptSettings {
  RunIdentity run;
  std::size_t readers = 1;       ///< partitions that are read at once
  std::size_t memory_limit = 0;  ///< bytes, of this process
  bool reload = false;
  bool pushdown = true;
  std::int64_t max_rejects = 0;
  std::chrono::milliseconds time_limit{0};  ///< of one attempt; 0 = none
  const etl_slots* slots = nullptr;         ///< shared by all processes of the run
  FaultPlan* faults = nullptr;
  const RejectSpools* rejects = nullptr;  ///< where rejects are kept; nullptr = nowhere
  std::function<void(std::int64_t rows)> on_read = [](std::int64_t) {};
  std::function<void(std::int64_t rows)> on_written = [](std::int64_t) {};
  /// By node: where the reading thread (under its source) and each sink's writer show what they are
  /// working on; nullptr = no observer. Only with one reader.
  Activity* activities = nullptr;
};

/// The settings that follow from [run] of the pipeline file.
[[nodiscard]] AttemptSettings attempt_settings(const Pipeline& pipeline, RunIdentity run);

/// Number of readers for so many partitions: `run.workers`, or one per core.
[[nodiscard]] std::size_t reader_count(const Pipeline& pipeline, std::size_t partitions);

/// The ledger record of a request, without counts and error.
[[nodiscard]] LedgerRecord ledger_record(const Graph& graph, const RunIdentity& run,
                                         const AttemptRequest& request, NodeIndex sink,
                                         State state);

/// The result of an attempt that failed with this error for every sink.
[[nodiscard]] AttemptResult failed_attempt(const Graph& graph, const AttemptRequest& request,
                                           const StageError& error);
/// The result of an attempt that another partition's failure ended: it is repeated and not counted.
[[nodiscard]] AttemptResult deferred_attempt(const Graph& graph, const AttemptRequest& request);

/// Runs `body` and returns what it throws, as a StageError of the runner where no stage is to
/// blame.
[[nodiscard]] std::optional<StageError> failure_of(const std::function<void()>& body);

}  // namespace etl::runtime
