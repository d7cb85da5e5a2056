/// \file
/// Says beside the ledgers, every few seconds, what a run has in hand: for people who ask how far
/// the whole is. Nothing is decided by it, so nothing waits for it and no run fails of it.
#pragma once

#include "core/runtime/schedule/scheduler.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <thread>

namespace etl::runtime {

/// A thread of its own, from the constructor to the destructor, which takes back what was said. A
/// run shorter than the pause says nothing. `graph`, `scheduler` and `log` have to live longer.
class Heartbeats {
 public:
  /// `task` as people know it: "3/8", or empty.
  Heartbeats(const Graph& graph, const Scheduler& scheduler, RunIdentity run, std::string task,
             Log& log);
  ~Heartbeats();
  Heartbeats(const Heartbeats&) = delete;
  Heartbeats& operator=(const Heartbeats&) = delete;

 private:
  using Clock = std::chrono::steady_clock;

  void beat_until_the_end();
  /// False when it could not be said now.
  bool beat(NodeIndex sink, const std::vector<Scheduler::InHand>& in_hand,
            std::chrono::microseconds forget_after);
  [[nodiscard]] Heartbeat beat_of(NodeIndex sink,
                                  const std::vector<Scheduler::InHand>& in_hand) const;
  void take_back();

  const Graph& graph_;
  const Scheduler& scheduler_;
  const RunIdentity run_;
  const std::string task_;
  const std::string host_;
  Log& log_;
  std::set<NodeIndex> sinks_;  ///< that can be told
  std::set<NodeIndex> told_;   ///< and were

  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace etl::runtime
