/// \file
/// How many partitions may be written at once, by sink.
#pragma once

#include "core/runtime/pipeline/graph.hpp"

#include <etl/abi.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace etl::runtime {

/// A sink's `max_writers`, shared by all sinks of one resource, and in a run of several processes
/// by all of those. Not thread-safe: whoever owns it locks.
class WriteSlots {
 public:
  /// By node, each for itself; 0 for those that are no sinks.
  WriteSlots(std::vector<std::size_t> limits);  // NOLINT(google-explicit-constructor): the same
  WriteSlots(std::initializer_list<std::size_t> limits)
      : WriteSlots(std::vector<std::size_t>(limits)) {}
  /// `workers` partitions are worked on at once here; `shared` is where other processes of the run
  /// take their slots, nullptr where there are none.
  WriteSlots(const Graph& graph, std::size_t workers, const etl_slots* shared = nullptr);

  /// Writers of this sink that can be at work at once in this process.
  [[nodiscard]] std::size_t limit(NodeIndex sink) const { return limits_[sink]; }
  /// Takes a slot. False: all are taken.
  [[nodiscard]] bool take(NodeIndex sink);
  void give_back(NodeIndex sink);
  /// How many of these sinks, from the front, can hold a slot at the same time as those before
  /// them: whether `sinks[i]` can is result[i].
  [[nodiscard]] std::vector<bool> together(const std::vector<NodeIndex>& sinks) const;
  /// Whether a slot may become free without anybody in this process giving it back.
  [[nodiscard]] bool shared() const { return shared_ != nullptr; }

 private:
  struct Group {
    std::size_t limit = 0;
    std::size_t taken = 0;
    std::string name;       ///< over all processes; empty = only here
    std::vector<int> held;  ///< slots of `shared_`
  };
  std::vector<std::size_t> limits_;
  std::vector<std::size_t> group_of_;
  std::vector<Group> groups_;
  const etl_slots* shared_ = nullptr;
};

}  // namespace etl::runtime
