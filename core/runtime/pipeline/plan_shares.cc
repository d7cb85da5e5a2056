#include "core/runtime/pipeline/plan_shares.hpp"

#include <algorithm>
#include <numeric>
#include <queue>
#include <tuple>

namespace etl::runtime {
namespace {

/// What each partition weighs. An empty one costs a transaction, too: nothing weighs 0.
std::vector<std::uint64_t> weights(std::span<const std::int64_t> bytes) {
  constexpr std::int64_t most = std::int64_t{1} << 40U;  // sums stay far from overflow
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

std::vector<std::size_t> share_out(std::span<const std::int64_t> bytes, std::size_t tasks) {
  const std::vector<std::uint64_t> weight = weights(bytes);
  std::vector<std::size_t> largest_first(bytes.size());
  std::iota(largest_first.begin(), largest_first.end(), std::size_t{0});
  std::ranges::stable_sort(largest_first,
                           [&](std::size_t a, std::size_t b) { return weight[a] > weight[b]; });
  using Load = std::pair<std::uint64_t, std::size_t>;  // so far, and which task
  std::priority_queue<Load, std::vector<Load>, std::greater<>> least_first;
  for (std::size_t task = 0; task < tasks; ++task) least_first.emplace(0, task);
  std::vector<std::size_t> task_of(bytes.size());
  for (const std::size_t partition : largest_first) {
    const auto [load, task] = least_first.top();
    least_first.pop();
    task_of[partition] = task;
    least_first.emplace(load + weight[partition], task);
  }
  return task_of;
}

}  // namespace etl::runtime
