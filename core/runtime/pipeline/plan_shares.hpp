/// \file
/// A plan cut into shares, one for each task of an array.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace etl::runtime {

/// The part of a plan that one task of an array does.
struct Share {
  std::int64_t index = 0;  ///< from 0
  std::int64_t count = 1;
};

/// For every partition, the share that it belongs to, from 0 to `shares` - 1. `bytes` are the sizes
/// of the partitions in the order of the plan, negative if unknown: such a partition counts as the
/// mean of the known ones. Depends on nothing but the arguments, so every host finds the same
/// shares.
///
/// Gives the largest partition to the smallest share so far, and so on: no share exceeds the
/// smallest by more than its own largest partition. REQUIRES: shares > 0.
[[nodiscard]] std::vector<std::size_t> share_out(std::span<const std::int64_t> bytes,
                                                 std::size_t shares);

}  // namespace etl::runtime
