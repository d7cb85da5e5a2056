#include "core/runtime/attempt/write_slots.hpp"

#include <algorithm>
#include <map>

namespace etl::runtime {

WriteSlots::WriteSlots(std::vector<std::size_t> limits) : limits_(std::move(limits)) {
  for (const std::size_t limit : limits_) {
    group_of_.push_back(groups_.size());
    groups_.push_back({limit, 0, {}, {}});
  }
}

WriteSlots::WriteSlots(const Graph& graph, std::size_t workers, const etl_slots* shared)
    : shared_(shared) {
  std::map<std::string, std::size_t> by_resource;
  for (NodeIndex index = 0; index < graph.nodes().size(); ++index) {
    const Node& node = graph[index];
    const std::size_t most = node.stage->table().max_writers;
    const bool sink = node.kind == Kind::sink;
    const std::string resource(sink ? graph.sink(index).resource() : "");
    const auto [at, added] = resource.empty() ? std::pair(by_resource.end(), true)
                                              : by_resource.try_emplace(resource, groups_.size());
    group_of_.push_back(added ? groups_.size() : at->second);
    if (added) {
      groups_.push_back({!sink ? 0 : most == 0 ? workers : most, 0, {}, {}});
      // A sink without a limit of its own does not concern other processes.
      if (most != 0 && shared != nullptr)
        groups_.back().name = "writers of " + (resource.empty() ? node.name : resource);
    } else if (most != 0) {
      groups_[at->second].limit = std::min(groups_[at->second].limit, most);
    }
  }
  for (const std::size_t group : group_of_)
    limits_.push_back(std::min(groups_[group].limit, workers));
}

bool WriteSlots::take(NodeIndex sink) {
  Group& group = groups_[group_of_[sink]];
  if (group.taken == group.limit) return false;
  if (!group.name.empty()) {
    const int slot = shared_->try_acquire(shared_->ctx, {group.name.data(), group.name.size()},
                                          static_cast<std::uint32_t>(group.limit));
    if (slot < 0) return false;
    group.held.push_back(slot);
  }
  ++group.taken;
  return true;
}

void WriteSlots::give_back(NodeIndex sink) {
  Group& group = groups_[group_of_[sink]];
  --group.taken;
  if (group.name.empty()) return;
  shared_->release(shared_->ctx, group.held.back());
  group.held.pop_back();
}

std::vector<bool> WriteSlots::together(const std::vector<NodeIndex>& sinks) const {
  std::vector<bool> fits;
  std::map<std::size_t, std::size_t> needed;
  for (const NodeIndex sink : sinks) {
    std::size_t& count = needed[group_of_[sink]];
    fits.push_back(count < groups_[group_of_[sink]].limit);
    if (fits.back()) ++count;
  }
  return fits;
}

}  // namespace etl::runtime
