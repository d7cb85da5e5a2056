/// \file
/// Who works on what at this moment, as runs said it beside the ledgers.
#pragma once

#include "core/runtime/pipeline/ledger_view.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace etl::runtime {

/// A run that was silent for so long is lost. Several times what a heartbeat takes.
inline constexpr std::chrono::seconds lost_after{10};

/// A partition that a run has in hand, or had when it was last heard of.
struct InHand {
  RunningRecord record;
  bool lost = false;  ///< the run was silent for long: it was killed, or cannot reach the database
};

/// What runs have in hand for one sink, over all tasks. Left out is what the ledger has settled
/// since, and of several runs that had a partition all lost ones but the last when another has it.
/// Empty where the sink does not keep it, or cannot be asked: it is only for people to see.
[[nodiscard]] std::vector<InHand> in_hand(const Pipeline& pipeline, NodeIndex sink,
                                          const LedgerView& ledger);

/// `partition`, `task`, `host`, ... of one; without the sink.
[[nodiscard]] nlohmann::json as_json(const InHand& in_hand);
/// One line for people, without its end.
[[nodiscard]] std::string as_text(const InHand& in_hand);

}  // namespace etl::runtime
