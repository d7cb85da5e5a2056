/// \file
/// What there is to do: partitions, and what the targets and their ledgers say of each.
#pragma once

#include "core/runtime/pipeline.hpp"
#include "core/runtime/task_share.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace etl::runtime {

/// Which partitions a run or plan is about.
struct Selection {
  std::vector<std::string> only;                  ///< globs, as fnmatch(3); empty = all
  std::optional<std::int64_t> limit;              ///< the first N of the plan
  std::optional<TaskShare> share = std::nullopt;  ///< of those, what one of several tasks does
};

/// Whether the selection's globs let this id through.
[[nodiscard]] bool selected(const Selection& selection, const std::string& id);

/// A partition of a source.
struct PlannedPartition {
  NodeIndex source = 0;
  Partition partition;
};

/// What the sinks' ledgers know of this pipeline.
class LedgerView {
 public:
  /// Reads the ledger of one sink. Throws StageError.
  void load(const Graph& graph, NodeIndex sink, const std::string& pipeline);
  /// The same for all tasks, where each has a database of its own and the pipeline is no task's. Of
  /// two records of one partition the one that says `done` is found.
  void load_all(const Pipeline& pipeline, NodeIndex sink);

  /// nullptr when the ledger has nothing about it.
  [[nodiscard]] const LedgerRecord* find(NodeIndex sink, const std::string& source,
                                         const std::string& partition) const;
  [[nodiscard]] const std::vector<LedgerRecord>& records(NodeIndex sink) const;
  /// False when the sink's ledger could not be read: then nothing is known.
  [[nodiscard]] bool knows(NodeIndex sink) const { return sinks_.contains(sink); }

 private:
  struct Entries {
    void add(LedgerRecord record);

    std::vector<LedgerRecord> records;
    std::map<std::pair<std::string, std::string>, std::size_t> index;
  };
  std::map<NodeIndex, Entries> sinks_;
};

/// The partitions of every source, in the order of the file and of each source's plan. Throws
/// StageError, also when a source plans the same id twice, or one that nobody could type.
std::vector<PlannedPartition> plan_partitions(const Graph& graph, const Selection& selection);

/// For every partition of a whole plan the task that does it, as Selection::share chooses.
[[nodiscard]] std::vector<std::size_t> tasks_of(const std::vector<PlannedPartition>& planned,
                                                std::size_t tasks);

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

/// Says which stage changed since partitions of this sink were loaded; nothing when every `done`
/// partition was loaded as this file says.
std::optional<std::string> changed_definition(const Graph& graph, NodeIndex sink,
                                              const LedgerView& ledger);
/// What to do about it.
inline constexpr std::string_view changed_definition_remedy =
    "load them again with --reload (and forget those that are no longer planned: etl state FILE "
    "forget), or give the pipeline another name and the sink another table";

}  // namespace etl::runtime
