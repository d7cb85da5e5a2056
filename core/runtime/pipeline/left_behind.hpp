/// \file
/// Failed partitions that no run retries, because the plan no longer has them.
#pragma once

#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/plan.hpp"

#include <vector>

namespace etl::runtime {

/// The records of partitions that failed in this sink and are not in the plan any more: the range
/// of hours has moved on, or the source has another name. `planned` is the whole plan.
[[nodiscard]] std::vector<LedgerRecord> left_behind(const Graph& graph, NodeIndex sink,
                                                    const LedgerView& ledger,
                                                    const std::vector<PlannedPartition>& planned);

/// What to do about them.
inline constexpr const char* left_behind_remedy =
    "no run retries them: plan them again (a wider range, --set) or forget them (etl state)";

}  // namespace etl::runtime
