/// \file
/// `etl rejects --replay`: rejected records that somebody has repaired, through the stages behind
/// their source and into the sinks.
///
/// Which records can be read by now is found out first, without a sink. Those of a partition P are
/// then written as a partition of their own, P+replay-HASH with a hash of the records, with its own
/// ledger record in the transaction of its rows; after that their entries leave the file. Killed in
/// between, the next replay (or run) finds the ledger record, and only takes the entries out.
#pragma once

#include "core/runtime/pipeline/pipeline.hpp"
#include "core/runtime/schedule/reject_store.hpp"
#include "core/runtime/schedule/summary.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace etl::runtime {

struct ReplayReport {
  Summary summary;                 ///< of the partitions that were written
  std::int64_t loaded = 0;         ///< entries that left the file
  std::int64_t malformed = 0;      ///< entries whose record cannot be read yet
  std::int64_t of_filters = 0;     ///< rejected by a filter: they are no source's records
  std::int64_t of_others = 0;      ///< of another pipeline
  std::int64_t unreadable = 0;     ///< lines that are no entries
  std::vector<std::string> notes;  ///< why what stayed did, a line each
};

/// Replays all it can. Partitions that fail are in the summary. Throws Error (config) where a sink
/// keeps no ledger, or a source cannot replay; file_error() where `path` cannot be read or written.
ReplayReport replay_rejects(const Pipeline& pipeline, const RejectPath& path,
                            Cancellation& cancellation, Log& log);

/// Publishes what killed runs had committed, by the ledgers of the pipeline's sinks.
void settle_rejects(const Pipeline& pipeline, const RejectPath& path, Log& log);

}  // namespace etl::runtime
