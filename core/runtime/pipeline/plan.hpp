/// \file
/// The partitions of every source, and which of them a run is about.
#pragma once

#include "core/runtime/pipeline/graph.hpp"
#include "core/runtime/pipeline/plan_shares.hpp"

#include <cstdint>
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

/// The partitions of every source, in the order of the file and of each source's plan. Throws
/// StageError, also when a source plans the same id twice, or one that nobody could type.
std::vector<PlannedPartition> plan_partitions(const Graph& graph, const Selection& selection);

/// For every partition of a whole plan the task that does it, as Selection::share chooses.
[[nodiscard]] std::vector<std::size_t> tasks_of(const std::vector<PlannedPartition>& planned,
                                                std::size_t tasks);

}  // namespace etl::runtime
