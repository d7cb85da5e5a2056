/// \file
/// Checks of targets and ledgers before any data moves.
#pragma once

#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/pipeline.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// Names the stages that changed since partitions of this sink were loaded; nothing if every
/// `done` partition was loaded with the current definition.
std::optional<std::string> changed_definition(const Graph& graph, NodeIndex sink,
                                              const LedgerView& ledger);
/// How to resolve it.
inline constexpr std::string_view changed_definition_remedy =
    "load them again with --reload (and forget those that are no longer planned: etl state FILE "
    "forget), or give the pipeline another name and the sink another table";

/// A sink's target as it was found.
struct TargetState {
  NodeIndex sink = 0;
  std::string name;
  std::string ddl;                        ///< creates what is missing; empty: nothing is
  std::optional<StageError> unreachable;  ///< why it could not be inspected
};

/// The targets and ledgers of all sinks as they were found.
struct Preflight {
  std::vector<TargetState> targets;
  LedgerView ledger;  ///< of the sinks that could be read
};

/// Inspects every sink's target and ledger without changing them. Reports to `diagnostics`: a
/// rejects file that cannot be written; a target that does not fit, or that is gone although the
/// ledger counts rows in it; partitions that were loaded with a different definition of the pipeline
/// (unless `reload`).
Preflight run_preflight(const Pipeline& pipeline, bool reload, Diagnostics& diagnostics);

}  // namespace etl::runtime
