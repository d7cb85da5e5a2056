/// \file
/// `etl rejects --replay`: sends rejected records that were repaired through the stages behind
/// their source and into the sinks.
///
/// A first pass without sinks finds the records that are readable now. Those of a partition P are
/// then written as a partition of their own, P+replay-HASH with a hash of their entries, with its
/// own ledger record in the transaction of its rows; after that their entries leave the file. If
/// the replay is killed in between, the next replay (or run) finds the ledger record and only
/// removes the entries.
#pragma once

#include "core/runtime/pipeline/pipeline.hpp"
#include "core/runtime/schedule/reject_store.hpp"
#include "core/runtime/schedule/summary.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace etl::runtime {

struct ReplayReport {
  Summary summary;                 ///< of the written partitions
  std::int64_t loaded = 0;         ///< entries that left the file
  std::int64_t malformed = 0;      ///< entries whose record is still unreadable
  std::int64_t of_filters = 0;     ///< entries of filters: not a source's records
  std::int64_t of_others = 0;      ///< entries of other pipelines
  std::int64_t unreadable = 0;     ///< lines that are not entries
  std::vector<std::string> notes;  ///< why entries stayed, one line each
};

/// Replays what is readable. Failed partitions are in the summary. Throws Error (config) when a
/// sink keeps no ledger or a source cannot replay, and file_error() when `path` cannot be read or
/// written.
ReplayReport replay_rejects(const Pipeline& pipeline, const RejectPath& path,
                            Cancellation& cancellation, Log& log);

/// Publishes the rejects of killed runs that the ledgers of the pipeline's sinks have as committed.
void settle_rejects(const Pipeline& pipeline, const RejectPath& path, Log& log);

}  // namespace etl::runtime
