#include "core/runtime/pipeline/plan_shares.hpp"

#include <algorithm>
#include <numeric>
#include <queue>
#include <tuple>

namespace etl::runtime {
namespace {

/// The weight of each partition, at least 1: an empty one costs a transaction, too.
std::vector<std::uint64_t> weights(std::span<const std::int64_t> bytes) {
  constexpr std::int64_t most = std::int64_t{1} << 40U;  // keeps sums far from overflow
  std::uint64_t sum = 0;
  std::uint64_t known = 0;
  std::vector<std::uint64_t> weights;
  for (const std::int64_t size : bytes) {
    weights.push_back(static_cast<std::uint64_t>(std::clamp(size, std::int64_t{1}, most)));
    if (size < 0) continue;
    sum += weights.back();
    ++known;
  }
  const std::uint64_t mean = known == 0 ? 1 : std::max<std::uint64_t>(1, sum / known);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] < 0) weights[i] = mean;
  }
  return weights;
}

}  // namespace

std::vector<std::size_t> share_out(std::span<const std::int64_t> bytes, std::size_t shares) {
  const std::vector<std::uint64_t> weight = weights(bytes);
  std::vector<std::size_t> largest_first(bytes.size());
  std::iota(largest_first.begin(), largest_first.end(), std::size_t{0});
  std::ranges::stable_sort(largest_first,
                           [&](std::size_t a, std::size_t b) { return weight[a] > weight[b]; });
  using Load = std::pair<std::uint64_t, std::size_t>;  // weight so far, share
  std::priority_queue<Load, std::vector<Load>, std::greater<>> least_first;
  for (std::size_t share = 0; share < shares; ++share) least_first.emplace(0, share);
  std::vector<std::size_t> share_of(bytes.size());
  for (const std::size_t partition : largest_first) {
    const auto [load, share] = least_first.top();
    least_first.pop();
    share_of[partition] = share;
    least_first.emplace(load + weight[partition], share);
  }
  return share_of;
}

}  // namespace etl::runtime
