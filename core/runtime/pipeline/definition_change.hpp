/// \file
/// Detects partitions that were loaded with another definition of the pipeline.
#pragma once

#include "core/runtime/pipeline/ledger_view.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace etl::runtime {

/// Names the stages that changed since partitions of this sink were loaded; nothing if every
/// `done` partition was loaded with the current definition.
std::optional<std::string> changed_definition(const Graph& graph, NodeIndex sink,
                                              const LedgerView& ledger);
/// How to resolve it.
inline constexpr std::string_view changed_definition_remedy =
    "load them again with --reload (and forget those that are no longer planned: etl state FILE "
    "forget), or give the pipeline another name and the sink another table";

}  // namespace etl::runtime
