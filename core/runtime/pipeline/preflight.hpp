/// \file
/// A look at targets and ledgers before anything is moved.
#pragma once

#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/pipeline.hpp"

#include <optional>
#include <string>
#include <vector>

namespace etl::runtime {

/// A sink's target as it was found.
struct TargetState {
  NodeIndex sink = 0;
  std::string name;
  std::string ddl;                        ///< what has to be created; empty = it is there
  std::optional<StageError> unreachable;  ///< why it could not be looked at
};

/// What a look at every target brought, before anything is moved.
struct Preflight {
  std::vector<TargetState> targets;
  LedgerView ledger;  ///< of the sinks that could be reached
};

/// Looks at every sink's target and ledger, changing nothing. In `diagnostics`, as errors: rejects
/// that cannot be kept where they are to be; a target that does not fit; partitions that were
/// loaded with another definition of the pipeline (unless `reload`), with the stage that changed
/// and what to do.
Preflight look_ahead(const Pipeline& pipeline, bool reload, Diagnostics& diagnostics);

}  // namespace etl::runtime
