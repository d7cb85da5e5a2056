/// \file
/// Detects targets that are gone although their ledger counts rows in them.
#pragma once

#include "core/runtime/pipeline/ledger_view.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace etl::runtime {

/// Says how many rows of this pipeline the sink's ledger counts in a target that does not exist;
/// nothing if the target exists, or the ledger counts no rows. Throws StageError.
std::optional<std::string> lost_target(const Graph& graph, NodeIndex sink,
                                       const std::string& pipeline, const SinkTarget& target);
/// How to resolve it.
inline constexpr std::string_view lost_target_remedy =
    "restore it under this name; or forget its partitions (etl state FILE forget '*'), and the "
    "next run loads them again";

/// Inspects the target. Throws Error (config) with the remedy if it is lost, and StageError.
void require_target(const Graph& graph, NodeIndex sink, const std::string& pipeline);

}  // namespace etl::runtime
