/// \file
/// One attempt at one partition: what is asked for, and what came of it. Plain values that can be
/// handed to another thread or process.
#pragma once

#include "core/runtime/attempt/partition_flow.hpp"
#include "core/runtime/pipeline/graph.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace etl::runtime {

struct AttemptRequest {
  std::size_t job = 0;  ///< the scheduler's number for the partition
  NodeIndex source = 0;
  Partition partition;
  std::vector<NodeIndex> sinks;   ///< those that lack it
  std::int64_t number = 1;        ///< 1 = the first attempt of this run
  std::int64_t started_at = 0;    ///< microseconds since 1970-01-01 UTC
  bool alone = false;             ///< earlier it took a worker process with it
  bool last = false;              ///< nothing else waits; workers in processes are not told
  std::int64_t spool = 0;         ///< number of the file that its rejects go to; 0 = none are kept
  bool replaces_rejects = false;  ///< there are rejects of an earlier attempt
  std::shared_ptr<const Replay> replay = nullptr;  ///< what is read instead of the partition
};

/// What became of one sink in one attempt.
struct Outcome {
  enum class Kind {
    committed,
    lost,     ///< another run was faster
    put_off,  ///< to be read again, through no fault of its own
    failed
  };
  Kind kind = Kind::failed;
  std::optional<StageError> error;  ///< set when it failed
  RowCounts rows;                   ///< set when it committed
  std::int64_t attempt = 0;         ///< the same: the number of the attempt that did
};

struct AttemptResult {
  std::map<NodeIndex, Outcome> outcomes;  ///< one for every sink asked for
  std::vector<StageCounts> stages;        ///< by node
  std::vector<std::int64_t> peaks;        ///< bytes held by each stage at most, so far, by node
  std::int64_t downloaded = 0;
  std::int64_t decoded = 0;
  std::string rejects;  ///< for the log: how many rows for which reasons; empty = none
};

/// What the ledger says of every partition of a run.
struct RunIdentity {
  std::string pipeline;
  std::string run_id;
};

/// The ledger's record of a request, without counts and error.
[[nodiscard]] LedgerRecord ledger_record(const Graph& graph, const RunIdentity& run,
                                         const AttemptRequest& request, NodeIndex sink,
                                         State state);

/// Every sink of the request failed with this error.
[[nodiscard]] AttemptResult failed_attempt(const Graph& graph, const AttemptRequest& request,
                                           const StageError& error);

}  // namespace etl::runtime
