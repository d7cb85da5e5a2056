/// \file
/// Decides what is attempted when: partitions that wait, retries, what is given up, and what is
/// counted of it all. Who makes the attempts, in threads or processes, is an executor's business.
#pragma once

#include "core/runtime/attempt/attempt.hpp"
#include "core/runtime/base/log.hpp"
#include "core/runtime/schedule/progress.hpp"
#include "core/runtime/schedule/reject_store.hpp"
#include "core/runtime/schedule/summary.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace etl::runtime {

/// One partition and the sinks that lack it.
struct Job {
  NodeIndex source = 0;
  const Partition* partition = nullptr;
  std::vector<NodeIndex> sinks;
  bool failed = false;  ///< in a sink that is none of these, because it cannot be reached
  std::shared_ptr<const Replay> replay = nullptr;  ///< what is read instead of it
};

struct SchedulerSettings {
  RunIdentity run;
  std::int64_t retries = 5;
  std::chrono::milliseconds retry_delay{500};
  bool stop_on_failure = false;
  RejectStore* rejects = nullptr;  ///< nullptr: they are not kept
};

/// Every member may be called from any thread. Whatever next() gives comes back by complete() or
/// put_back().
class Scheduler {
 public:
  Scheduler(const Graph& graph, std::vector<Job> jobs, SchedulerSettings settings,
            Cancellation& cancellation, Log& log, Progress& progress);

  /// What to attempt next; waits for it. Nothing once all is settled or the run is to stop.
  std::optional<AttemptRequest> next();
  /// The same without waiting, and only while at least `others` more are ready: for who has one
  /// already and would like to look ahead.
  std::optional<AttemptRequest> next_ahead(std::size_t others);
  /// The attempt was not begun.
  void put_back(const AttemptRequest& request);
  /// The attempt's end. Records what failed for good in the ledger; everything else is tried again.
  /// Returns true when the partition is settled: the source may clear its caches.
  bool complete(const AttemptRequest& request, AttemptResult result);
  /// The attempt ended a worker process: whatever comes next for this partition has one to itself.
  void isolate(const AttemptRequest& request);

  /// An attempt that is under way.
  struct InHand {
    NodeIndex source = 0;
    std::string partition;
    std::vector<NodeIndex> sinks;
    std::int64_t attempt = 1;
    std::int64_t since = 0;  ///< microseconds since 1970-01-01 UTC
  };
  [[nodiscard]] std::vector<InHand> in_hand() const;

  /// Adds what happened to a summary whose sinks and stages are there already (in node order).
  void add_to(Summary& summary) const;

 private:
  using Clock = std::chrono::steady_clock;
  struct JobState {
    Job job;
    std::int64_t attempts = 0;
    bool alone = false;
    std::int64_t in_hand_since = 0;  ///< 0 = no attempt is under way
    bool committed = false;          ///< by this run, into at least one sink
    bool failed = false;
    bool missing = false;
    bool interrupted = false;
    bool read_counted = false;
    std::vector<bool> rows_counted;  ///< by node: its rows are in `stages_`
  };
  /// What settling the sinks of one attempt comes to.
  struct Retry {
    std::vector<NodeIndex> sinks;
    std::chrono::milliseconds delay{0};
    bool blameless = true;  ///< nothing failed: the attempt does not count
  };

  AttemptRequest begin(std::size_t job);
  void count_stages(JobState& job, const AttemptResult& result);
  void settle(const AttemptRequest& request, NodeIndex sink, const Outcome& outcome, Retry& retry);
  void committed(JobState& job, NodeIndex sink, const RowCounts& rows);
  void give_up(const AttemptRequest& request, NodeIndex sink, const StageError& error, State state);
  [[nodiscard]] std::string presentable(const Error& error) const;
  void requeue(std::size_t job, std::chrono::milliseconds delay);
  void finish(JobState& job);
  [[nodiscard]] std::chrono::milliseconds backoff(std::int64_t attempts);

  const Graph& graph_;
  SchedulerSettings settings_;
  Cancellation& cancellation_;
  Log& log_;
  Progress& progress_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<JobState> jobs_;
  std::multimap<Clock::time_point, std::size_t> ready_;
  std::size_t unfinished_ = 0;
  bool stopping_ = false;  ///< on_failure = "stop" and something failed
  std::minstd_rand random_;

  // Results.
  std::vector<StageCounts> stages_;
  std::vector<std::int64_t> peaks_;
  std::map<NodeIndex, SinkSummary> sinks_;
  PartitionCounts partitions_;
  RowCounts read_once_;  ///< rows read and rejected, each partition once however many sinks it has
  std::int64_t downloaded_ = 0;
  std::int64_t decoded_ = 0;
  std::vector<Failure> failures_;
  Cancellation::Subscription wake_;
};

}  // namespace etl::runtime
