/// \file
/// Runs partitions on worker threads: attempts, retries, commits, and what is counted of them.
#pragma once

#include "core/runtime/exchange.hpp"
#include "core/runtime/log.hpp"
#include "core/runtime/partition_flow.hpp"
#include "core/runtime/progress.hpp"
#include "core/runtime/summary.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace etl::runtime {

/// One partition and the sinks that lack it.
struct Job {
  NodeIndex source = 0;
  const Partition* partition = nullptr;
  std::vector<NodeIndex> sinks;
  bool failed = false;  ///< in a sink that is none of these, because it cannot be reached
};

struct SchedulerSettings {
  std::string pipeline;
  std::string run_id;
  std::size_t workers = 1;
  std::int64_t retries = 5;
  std::chrono::milliseconds retry_delay{500};
  bool stop_on_failure = false;
  std::size_t memory_limit = 0;
  bool reload = false;
  FlowSettings flow;
};

/// Used once: run() blocks until every job is finished or the run stops. Throws Error (transient)
/// when there are not enough threads to begin.
class Scheduler {
 public:
  Scheduler(const Graph& graph, std::vector<Job> jobs, SchedulerSettings settings,
            Cancellation& cancellation, Log& log, Progress& progress);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void run();

  /// Adds what happened to a summary whose sinks and stages are there already (in node order).
  void add_to(Summary& summary) const;

 private:
  using Clock = std::chrono::steady_clock;
  struct JobState;
  struct Attempt;
  /// What became of one sink in one attempt.
  struct Outcome {
    enum class Kind {
      committed,
      lost,
      failed
    } kind = Kind::failed;  // lost: another run was faster
    std::optional<StageError> error;
    RowCounts rows;
  };

  void start_threads();
  void work();
  void write(NodeIndex sink);
  JobState* next_job();
  void attempt(JobState& job);
  void read_partition(Attempt& attempt);
  void write_partition(SinkStream& stream);
  [[nodiscard]] LedgerRecord ledger_record(const JobState& job, NodeIndex sink, State state) const;
  [[nodiscard]] bool committed_by_this_run(const JobState& job, NodeIndex sink) const;
  void part_finished(Attempt& attempt, std::size_t parts = 1);
  void complete(Attempt& attempt);
  void add_stage_counts(const Attempt& attempt);
  void settle(JobState& job, NodeIndex sink, const Outcome& outcome, std::vector<NodeIndex>& again,
              std::chrono::milliseconds& delay);
  void give_up(JobState& job, NodeIndex sink, const StageError& error, State state);
  [[nodiscard]] std::string presentable(const Error& error) const;
  void requeue(JobState& job, std::chrono::milliseconds delay);
  void finish(JobState& job);
  [[nodiscard]] std::chrono::milliseconds backoff(std::int64_t attempts);

  const Graph& graph_;
  SchedulerSettings settings_;
  Cancellation& cancellation_;
  Log& log_;
  Progress& progress_;
  std::deque<JobState> jobs_;
  Exchange exchange_;
  std::vector<std::thread> workers_;
  std::vector<std::thread> writers_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Clock::time_point, JobState*> ready_;
  std::size_t unfinished_ = 0;
  bool stopping_ = false;  ///< on_failure = "stop" and something failed
  std::map<Attempt*, std::unique_ptr<Attempt>> attempts_;
  std::minstd_rand random_;

  // Results.
  std::vector<StageCounts> stages_;
  std::map<NodeIndex, SinkSummary> sinks_;
  PartitionCounts partitions_;
  RowCounts read_once_;  ///< rows read and rejected, each partition once however many sinks it has
  std::int64_t downloaded_ = 0;
  std::int64_t decoded_ = 0;
  std::vector<Failure> failures_;
  Cancellation::Subscription wake_;
};

}  // namespace etl::runtime
