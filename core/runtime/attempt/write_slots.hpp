/// \file
/// Limits on how many partitions are written at once, by sink.
#pragma once

#include "core/runtime/pipeline/graph.hpp"

#include <etl/abi.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace etl::runtime {

/// The slots of each sink: its `max_writers`, shared by all sinks of one resource and by all
/// processes of the run. Not thread-safe: its owner locks.
class WriteSlots {
 public:
  /// By node, nothing shared; 0 for nodes that are not sinks.
  WriteSlots(std::vector<std::size_t> limits);  // NOLINT(google-explicit-constructor): the same
  WriteSlots(std::initializer_list<std::size_t> limits)
      : WriteSlots(std::vector<std::size_t>(limits)) {}
  /// For `workers` partitions at once in this process; `shared`: the slots of all processes of the
  /// run, nullptr = this is the only one.
  WriteSlots(const Graph& graph, std::size_t workers, const etl_slots* shared = nullptr);

  /// The most writers of this sink in this process.
  [[nodiscard]] std::size_t limit(NodeIndex sink) const { return limits_[sink]; }
  /// The number of nodes, sinks or not.
  [[nodiscard]] std::size_t nodes() const { return limits_.size(); }
  /// Whether this process has all slots of the sink.
  [[nodiscard]] bool all_taken_here(NodeIndex sink) const {
    return groups_[group_of_[sink]].taken == groups_[group_of_[sink]].limit;
  }
  /// Takes a slot; returns false when all are taken.
  [[nodiscard]] bool take(NodeIndex sink);
  void give_back(NodeIndex sink);
  /// Whether each of these sinks can hold a slot at the same time as those before it in the list.
  [[nodiscard]] std::vector<bool> together(const std::vector<NodeIndex>& sinks) const;
  /// Whether a slot may become free without being returned by this process.
  [[nodiscard]] bool shared() const { return shared_ != nullptr; }

 private:
  struct Group {
    std::size_t limit = 0;
    std::size_t taken = 0;
    std::string name;       ///< shared by all processes; empty = only this one
    std::vector<int> held;  ///< in `shared_`
  };
  std::vector<std::size_t> limits_;
  std::vector<std::size_t> group_of_;
  std::vector<Group> groups_;
  const etl_slots* shared_ = nullptr;
};

}  // namespace etl::runtime
