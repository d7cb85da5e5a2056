/// \file
/// Decides which partition is attempted next, what is retried and what has failed, and counts it
/// all. An executor makes the attempts, in threads or processes.
#pragma once

#include "core/runtime/attempt/attempt.hpp"
#include "core/runtime/base/log.hpp"
#include "core/runtime/base/mutex.hpp"
#include "core/runtime/schedule/progress.hpp"
#include "core/runtime/schedule/ready_queue.hpp"
#include "core/runtime/schedule/reject_store.hpp"
#include "core/runtime/schedule/retry.hpp"
#include "core/runtime/schedule/summary.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace etl::runtime {

/// One partition, the sinks that lack it, and how far the scheduler has come with it.
struct PartitionJob {
  NodeIndex source = 0;
  const Partition* partition = nullptr;
  std::vector<NodeIndex> sinks;
  bool failed = false;  ///< for at least one sink; set before the run if one is unreachable
  std::shared_ptr<const Replay> replay = nullptr;  ///< read instead of the partition

  // The scheduler's own.
  std::int64_t attempts = 0;
  std::int64_t attempt_started_at = 0;  ///< 0 = no attempt is in progress
  bool isolated = false;                ///< gets a worker process to itself
  bool committed = false;               ///< by this run, to at least one sink
  bool missing = false;
  bool interrupted = false;
  std::vector<bool> rows_counted = {};               ///< by node: its rows are in the tally
  std::map<std::string, std::int64_t> rejects = {};  ///< of the last attempt, by reason
};

struct SchedulerSettings {
  RunIdentity run;
  RetryPolicy retry;
  bool stop_on_failure = false;
  RejectStore* rejects = nullptr;  ///< nullptr: they are not kept
  /// The sources of this process read: a partition whose data they have yet to fetch is passed over
  /// for others, though not for longer than `time_limit` (of an attempt; 0 = none) by an idle
  /// worker. False: workers are processes, whose own sources fetch.
  bool asks_sources = false;
  std::chrono::milliseconds time_limit{0};
};

/// Adds up the attempts of a run for its summary. Not thread-safe: the scheduler locks.
class RunTally {
 public:
  explicit RunTally(std::size_t nodes) : stages_(nodes), peaks_(nodes) {}

  /// Adds time, memory and bytes of an attempt, however it ended; and its rows if it committed,
  /// those of each stage once per partition: `rows_counted` (by node) remembers which.
  void add_attempt(const AttemptResult& result, std::vector<bool>& rows_counted);
  void add_commit(NodeIndex sink, const RowCounts& rows);
  /// Rows read and rejected count once per partition, however many sinks it has.
  void add_read(const RowCounts& rows);
  void add_skipped(NodeIndex sink) { ++sinks_[sink].partitions.skipped; }
  void add_missing(NodeIndex sink) { ++sinks_[sink].partitions.missing; }
  void add_failure(NodeIndex sink, Failure failure);
  /// `end`: how the partition ended over all its sinks.
  void add_partition(std::int64_t PartitionCounts::*end) { ++(partitions_.*end); }

  /// Adds everything to a summary that has its stages and sinks already, in node order.
  void add_to(Summary& summary, const Graph& graph) const;

 private:
  std::vector<StageCounts> stages_;
  std::vector<std::int64_t> peaks_;
  std::map<NodeIndex, SinkSummary> sinks_;
  PartitionCounts partitions_;
  RowCounts read_once_;
  std::int64_t downloaded_ = 0;
  std::int64_t decoded_ = 0;
  std::vector<Failure> failures_;
};

/// Every member may be called from any thread. Each request from next() or next_ahead() must come
/// back by complete() or put_back().
class Scheduler {
 public:
  Scheduler(const Graph& graph, std::vector<PartitionJob> jobs, SchedulerSettings settings,
            Cancellation& cancellation, Log& log, Progress& progress);

  /// Waits for the next partition to attempt: of those that are due, the first that its source has
  /// at hand. Returns nothing once all are settled or the run is to stop.
  std::optional<AttemptRequest> next();
  /// Returns a partition without waiting, and only while at least `others` more are queued: for
  /// callers that are busy already and want to look ahead.
  std::optional<AttemptRequest> next_ahead(std::size_t others);
  /// A worker process waits for the partition's data, until it begins the attempt.
  void waits(const AttemptRequest& request) { progress_.waits(request.partition.id); }
  void begins(const AttemptRequest& request) { progress_.begin(request.partition.id); }
  /// Takes back an attempt that was not begun.
  void put_back(const AttemptRequest& request);
  /// Ends an attempt: retries what may be retried, and records in the ledger what failed for good.
  /// Returns true when the partition is settled, so that its source may drop its caches.
  bool complete(const AttemptRequest& request, const AttemptResult& result);
  /// Gives the partition's next attempts a worker process to themselves: this one ended its own.
  void isolate(const AttemptRequest& request);

  struct AttemptInProgress {
    NodeIndex source = 0;
    std::string partition;
    std::vector<NodeIndex> sinks;
    std::int64_t attempt = 1;
    std::int64_t since = 0;  ///< microseconds since 1970-01-01 UTC
  };
  /// Also those that a worker waits to begin.
  [[nodiscard]] std::vector<AttemptInProgress> attempts_in_progress() const;

  /// Logs the rejected rows of committed partitions: a line for each source and reason.
  void log_rejects() const;
  /// Adds the results so far to a summary that has its sinks and stages already, in node order.
  void add_to(Summary& summary) const;

 private:
  /// What remains of a partition after an attempt.
  struct Remainder {
    std::vector<NodeIndex> sinks;  ///< to retry
    std::chrono::milliseconds delay{0};
    bool failed = false;  ///< false: sinks were only deferred, and the attempt does not count
    bool interrupted = false;
  };

  [[nodiscard]] ReadyQueue::Rules queue_rules();
  AttemptRequest begin(ReadyQueue::Taken taken) ETL_EXCLUDES(mutex_);
  void count(const AttemptRequest& request, const AttemptResult& result) ETL_EXCLUDES(mutex_);
  void settle(const AttemptRequest& request, NodeIndex sink, const SinkOutcome& outcome,
              Remainder& remainder);
  void settle_failure(const AttemptRequest& request, NodeIndex sink, const StageError& error,
                      Remainder& remainder);
  void give_up(const AttemptRequest& request, NodeIndex sink, const StageError& error, State state)
      ETL_EXCLUDES(mutex_);
  std::string record_failure(const AttemptRequest& request, NodeIndex sink, const StageError& error,
                             State state);
  void enqueue(std::size_t job, ReadyQueue::Clock::time_point due) ETL_REQUIRES(mutex_);
  void finish(const PartitionJob& job) ETL_REQUIRES(mutex_);

  const Graph& graph_;
  const SchedulerSettings settings_;
  Cancellation& cancellation_;
  Log& log_;
  Progress& progress_;

  mutable Mutex mutex_;
  std::vector<PartitionJob> jobs_ ETL_GUARDED_BY(mutex_);
  std::size_t unfinished_ ETL_GUARDED_BY(mutex_) = 0;
  RunTally tally_ ETL_GUARDED_BY(mutex_);
  /// The jobs that wait for their next attempt; closed when none is to follow.
  ReadyQueue queue_;
  Cancellation::Subscription stop_;  // last: it uses the rest
};

/// A failure's message as the ledger and the summary keep it: without secrets, and valid UTF-8.
[[nodiscard]] std::string kept_message(const Error& error, Log& log);

}  // namespace etl::runtime
