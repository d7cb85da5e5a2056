/// \file
/// The partitions of every source, and the selection that a run loads.
#pragma once

#include "core/runtime/pipeline/graph.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace etl::runtime {

/// The part of a plan that one task of an array does.
struct Share {
  std::int64_t index = 0;  ///< from 0
  std::int64_t count = 1;
};

/// Selects partitions of a plan.
struct Selection {
  std::vector<std::string> only;              ///< globs, as fnmatch(3); empty: all
  std::optional<std::int64_t> limit;          ///< the first N of the plan
  std::optional<Share> share = std::nullopt;  ///< of those, the share of one task
};

/// Whether the selection's globs match this id.
[[nodiscard]] bool selected(const Selection& selection, const std::string& id);

/// A partition of a source.
struct PlannedPartition {
  NodeIndex source = 0;
  Partition partition;
};

/// Plans every source, in the order of the file. Throws StageError, also if a source plans an id
/// twice, or one that is empty or not printable.
[[nodiscard]] std::vector<PlannedPartition> plan_partitions(const Graph& graph);

/// Keeps the selected partitions of a whole plan. Throws Error (permanent) if none matches
/// Selection::only: a typing error must not look like success.
void select(std::vector<PlannedPartition>& planned, const Selection& selection);

/// Plans every source and keeps the selection. Throws as the two above.
[[nodiscard]] std::vector<PlannedPartition> plan_partitions(const Graph& graph,
                                                            const Selection& selection);

/// For every partition, the share that it belongs to, from 0 to `shares` - 1. `bytes` are the sizes
/// of the partitions in the order of the plan, negative if unknown: such a partition counts as the
/// mean of the known ones. Depends on nothing but the arguments, so every host finds the same
/// shares.
///
/// Gives the largest partition to the smallest share so far, and so on: no share exceeds the
/// smallest by more than its own largest partition. REQUIRES: shares > 0.
[[nodiscard]] std::vector<std::size_t> share_out(std::span<const std::int64_t> bytes,
                                                 std::size_t shares);
/// For every partition of a whole plan, the share that it belongs to; see Selection::share.
[[nodiscard]] std::vector<std::size_t> shares_of(const std::vector<PlannedPartition>& planned,
                                                 std::size_t shares);

}  // namespace etl::runtime
