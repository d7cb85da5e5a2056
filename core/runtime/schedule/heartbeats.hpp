/// \file
/// Writes the attempts in progress beside the ledgers every few seconds, so that `etl status` can
/// show the progress of all runs. Purely informational: nothing waits for it, and no run fails
/// because of it.
#pragma once

#include "core/runtime/schedule/scheduler.hpp"

#include <chrono>
#include <set>
#include <string>
#include <thread>

namespace etl::runtime {

/// Has a thread of its own, from the constructor to the destructor, which withdraws the heartbeats.
/// A run shorter than the first interval writes none. `graph`, `scheduler` and `log` must outlive
/// it.
class Heartbeats {
 public:
  /// `task`: the share of the run, such as "3/8", or empty.
  Heartbeats(const Graph& graph, const Scheduler& scheduler, RunIdentity run, std::string task,
             Log& log);
  ~Heartbeats();
  Heartbeats(const Heartbeats&) = delete;
  Heartbeats& operator=(const Heartbeats&) = delete;

 private:
  using Attempts = std::vector<Scheduler::AttemptInProgress>;

  void beat_until_stopped() ETL_EXCLUDES(mutex_);
  /// Returns false when the database was busy.
  bool beat(NodeIndex sink, const Attempts& attempts, std::chrono::microseconds forget_after);
  [[nodiscard]] Heartbeat heartbeat_of(NodeIndex sink, const Attempts& attempts) const;
  void withdraw();

  const Graph& graph_;
  const Scheduler& scheduler_;
  const RunIdentity run_;
  const std::string task_;
  const std::string host_;
  Log& log_;
  std::set<NodeIndex> sinks_;    ///< that keep heartbeats
  std::set<NodeIndex> written_;  ///< sinks that have one of this run

  Mutex mutex_;
  Condition changed_;
  bool stopped_ ETL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace etl::runtime
