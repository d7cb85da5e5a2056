/// \file
/// One attempt at one partition: the source's stream pushed through the filters, with every row
/// counted.
#pragma once

#include "core/runtime/attempt/activity.hpp"
#include "core/runtime/attempt/faults.hpp"
#include "core/runtime/attempt/flow_counts.hpp"
#include "core/runtime/pipeline/graph.hpp"

#include <etl/abi.h>

#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace etl::runtime {

struct FlowSettings {
  bool pushdown = true;
  std::int64_t max_rejects = 0;
  std::function<void(std::int64_t rows)> on_read = [](std::int64_t) {};
  /// Called for every rejected record; what it throws fails the partition.
  std::function<void(NodeIndex stage, const etl_reject& reject)> on_reject =
      [](NodeIndex, const etl_reject&) {};
  std::chrono::milliseconds time_limit{0};  ///< not counting waits for others; 0 = none
  FaultPlan* faults = nullptr;
};

/// Records of a partition that were rejected and have been repaired since.
struct Replay {
  Partition original;                ///< the partition of the records
  std::vector<std::string> records;  ///< repaired, without terminators
  std::vector<std::string> lines;    ///< their entries, as they stand in the rejects file
};

/// Runs on one thread, once. The graph is shared with other flows.
class PartitionFlow {
 public:
  /// Takes a batch that arrives at a sink or leaves another target. Returns false when it wants no
  /// more.
  using Deliver = std::function<bool(NodeIndex target, Batch batch)>;

  /// `targets`: where rows are wanted. Stages that lead to none of them do not run. `activity`
  /// shows the stage that runs; may be nullptr.
  PartitionFlow(const Graph& graph, NodeIndex source, std::vector<NodeIndex> targets,
                FlowSettings settings, const Cancellation& cancellation,
                Activity* activity = nullptr);

  /// Reads the partition to its end, or until no target wants more. Throws StageError: of the stage
  /// that failed; transient after the time limit; permanent after more than max_rejects rejects;
  /// internal when the source's own count does not add up. With `replay`, which must outlive the
  /// flow, reads those records instead, as a partition of their own.
  void run(const Partition& partition, const Deliver& deliver, const Replay* replay = nullptr);
  /// Does the same with `batches` in place of what the source emits. `source` may be a filter,
  /// whose output they then replace. A predicate applies to them as to a source's rows.
  void run_on(std::vector<Batch> batches, const Deliver& deliver);

  /// After run(). Throws StageError (internal) when the counts on the way to `sink` do not add up.
  [[nodiscard]] RowCounts counts_for(NodeIndex sink) const {
    return counts_.to_sink(sink, consumers_);
  }
  /// Whether this target wanted no more before the end.
  [[nodiscard]] bool closed(NodeIndex target) const { return closed_[target]; }
  [[nodiscard]] const std::vector<StageCounts>& stages() const { return counts_.stages(); }
  [[nodiscard]] const FlowCounts& counts() const { return counts_; }

 private:
  /// The services for one stage of this flow; its address is the stage's `ctx`.
  struct TaskContext {
    PartitionFlow* flow;
    NodeIndex node;
    etl_task task;
  };
  class BusyTime;

  void reporting_timeouts(const std::function<void()>& body) const;
  void run_stages(const std::function<void(const etl_predicate*)>& read);
  [[nodiscard]] bool should_stop() const;
  [[nodiscard]] bool timed_out() const { return deadline_.passed(); }
  [[nodiscard]] StageError timeout_in(const std::string& stage) const;
  [[nodiscard]] bool any_closed() const;
  void pass(FaultPoint point) const;
  etl_task* task_of(NodeIndex node);
  void count(NodeIndex node, std::uint32_t counter, std::int64_t amount);
  void reject(NodeIndex node, const etl_reject& reject);
  void check_rejects() const;

  void open_filters();
  std::optional<etl_predicate> choose_predicate();
  [[nodiscard]] detail::OwnedStream open_source(const Partition& partition,
                                                const etl_predicate* predicate);
  void read_source(const Partition& partition, const etl_predicate* predicate);
  [[nodiscard]] Batch apply_predicate(Batch batch, const etl_predicate* predicate);
  bool take_from_source(Batch batch);
  [[nodiscard]] StageError stream_error(const detail::OwnedStream& stream, int code) const;
  void emit(NodeIndex node, Batch batch);
  void receive(NodeIndex node, Batch batch);
  void deliver(NodeIndex target, Batch batch);

  const Graph& graph_;
  NodeIndex source_;
  std::vector<NodeIndex> targets_;
  FlowSettings settings_;
  const Cancellation& cancellation_;
  Activity* activity_;
  Deadline deadline_;
  std::exception_ptr reject_failure_;  ///< of on_reject
  bool has_batch_ = false;

  std::deque<TaskContext> tasks_;
  Consumers consumers_;
  std::vector<bool> target_;
  std::vector<bool> closed_;
  std::map<NodeIndex, FilterRun> filters_;
  const Deliver* deliver_ = nullptr;
  const Replay* replay_ = nullptr;
  std::optional<NodeIndex> predicate_filter_;
  std::optional<Error> stream_failure_;  ///< as the source's stream explained it

  FlowCounts counts_;
  std::optional<NodeIndex> busy_;  ///< the stage that runs, whose time it is
  std::chrono::steady_clock::time_point busy_since_;
};

}  // namespace etl::runtime
