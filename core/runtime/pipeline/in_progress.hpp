/// \file
/// Partitions in progress, as the heartbeats of runs report them beside the ledgers.
#pragma once

#include "core/runtime/pipeline/ledger_view.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace etl::runtime {

/// A run without a heartbeat for this long is lost. Several times the heartbeat interval.
inline constexpr std::chrono::seconds lost_after{10};

/// A partition that a run is working on, or was at its last heartbeat.
struct InProgress {
  RunningRecord record;
  bool lost = false;  ///< no heartbeat for long: the run was killed or cannot reach the database
};

/// The partitions in progress for one sink, over all tasks. Leaves out partitions that the ledger
/// has settled since, and lost runs whose partition another run has taken over. Empty if the sink
/// keeps no heartbeats or cannot be read: the list only informs.
[[nodiscard]] std::vector<InProgress> in_progress(const Pipeline& pipeline, NodeIndex sink,
                                                  const LedgerView& ledger);

/// `partition`, `task`, `host`, ...; without the sink.
[[nodiscard]] nlohmann::json as_json(const InProgress& in_progress);
/// One line for people, without a newline.
[[nodiscard]] std::string as_text(const InProgress& in_progress);

}  // namespace etl::runtime
