/// \file
/// A plan cut into shares, one a task of a cluster's own engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace etl::runtime {

/// One of several tasks that work on the same plan.
struct TaskShare {
  std::int64_t task = 0;  ///< from 0
  std::int64_t of = 1;
};

/// For every partition the task, from 0 to `tasks` - 1, whose share it is. `bytes` are the sizes of
/// the partitions in the order of the plan, negative where unknown: such a one counts as the mean
/// of those that are known. Nothing but the arguments decides: every host finds the same shares.
///
/// The largest partition goes to the task with the least so far, and so on: no share is larger than
/// the smallest by more than its own largest partition. REQUIRES: tasks > 0.
[[nodiscard]] std::vector<std::size_t> share_out(std::span<const std::int64_t> bytes,
                                                 std::size_t tasks);

}  // namespace etl::runtime
