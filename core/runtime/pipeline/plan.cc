#include "core/runtime/pipeline/plan.hpp"

#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/utf8.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <numeric>
#include <queue>
#include <unordered_set>

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

bool selected(const Selection& selection, const std::string& id) {
  return selection.only.empty() ||
         std::ranges::any_of(selection.only, [&](const std::string& glob) {
           return ::fnmatch(glob.c_str(), id.c_str(), 0) == 0;
         });
}

std::vector<std::size_t> shares_of(const std::vector<PlannedPartition>& planned,
                                   std::size_t shares) {
  std::vector<std::int64_t> bytes;
  bytes.reserve(planned.size());
  for (const PlannedPartition& each : planned) bytes.push_back(each.partition.bytes);
  return share_out(bytes, shares);
}

namespace {

/// Shares out the whole plan, including what is done: so all tasks agree, whenever they start.
void keep_share(std::vector<PlannedPartition>& planned, const Share& share) {
  const std::vector<std::size_t> share_of =
      shares_of(planned, static_cast<std::size_t>(share.count));
  std::vector<PlannedPartition> kept;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    if (share_of[i] == static_cast<std::size_t>(share.index)) kept.push_back(std::move(planned[i]));
  }
  planned = std::move(kept);
}

}  // namespace

std::vector<PlannedPartition> plan_partitions(const Graph& graph) {
  std::vector<PlannedPartition> planned;
  for (const NodeIndex source : graph.of_kind(Kind::source)) {
    std::unordered_set<std::string> ids;
    for (Partition& partition : graph.source(source).plan()) {
      if (partition.id.empty() || printable(partition.id) != partition.id) {
        throw graph[source].stage->failure(
            Error(Code::internal,
                  fmt::format("plans the partition {}, whose id is empty or not printable",
                              in_quotes(partition.id))));
      }
      if (!ids.insert(partition.id).second) {
        throw graph[source].stage->failure(
            Error(Code::internal, fmt::format("plans the partition \"{}\" twice", partition.id)));
      }
      planned.push_back({source, std::move(partition)});
    }
  }
  return planned;
}

void select(std::vector<PlannedPartition>& planned, const Selection& selection) {
  const std::size_t all = planned.size();
  std::erase_if(planned, [&](const PlannedPartition& each) {
    return !selected(selection, each.partition.id);
  });
  if (planned.empty() && !selection.only.empty()) {
    throw Error::permanent(
        fmt::format("--only: none of {} in the plan has an id that matches {}; etl plan lists them",
                    counted(static_cast<std::int64_t>(all), "partition"), listed(selection.only)));
  }
  if (selection.limit && planned.size() > static_cast<std::size_t>(*selection.limit)) {
    planned.resize(static_cast<std::size_t>(*selection.limit));
  }
  if (selection.share) keep_share(planned, *selection.share);
}

std::vector<PlannedPartition> plan_partitions(const Graph& graph, const Selection& selection) {
  std::vector<PlannedPartition> planned = plan_partitions(graph);
  select(planned, selection);
  return planned;
}

}  // namespace etl::runtime
