/// \file
/// One attempt at one partition: the source's stream pushed through the filters, with every row
/// counted.
#pragma once

#include "core/runtime/attempt/activity.hpp"
#include "core/runtime/attempt/faults.hpp"
#include "core/runtime/pipeline/graph.hpp"
#include "core/runtime/pipeline/row_counts.hpp"

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

/// Rows and time of one stage in one partition, or summed over many.
struct StageCounts {
  std::int64_t rows_in = 0;
  std::int64_t rows_out = 0;
  std::int64_t rejected = 0;
  std::chrono::nanoseconds busy{0};

  StageCounts& operator+=(const StageCounts& other);
};

struct FlowSettings {
  bool pushdown = true;
  std::int64_t max_rejects = 0;
  std::function<void(std::int64_t rows)> on_read = [](std::int64_t) {};  ///< as rows are read
  /// Every rejected record, as it comes; throws what is to fail the partition.
  std::function<void(NodeIndex stage, const etl_reject& reject)> on_reject =
      [](NodeIndex, const etl_reject&) {};
  std::chrono::milliseconds time_limit{0};  ///< without what it waits for others; 0 = none
  FaultPlan* faults = nullptr;
};

/// Records of a partition that were rejected, and have been repaired since.
struct Replay {
  Partition original;                ///< whose records they are
  std::vector<std::string> records;  ///< repaired, without terminators
  std::vector<std::string> lines;    ///< the entries that they come from, as they stand in the file
};

/// The failure of an attempt that took too long (transient).
[[nodiscard]] Error time_limit_exceeded(std::chrono::milliseconds limit);

/// Runs on one thread, once. The graph is shared with other flows.
class PartitionFlow {
 public:
  /// Takes a batch that arrives at a sink, or leaves any other target. False: it wants no more.
  using Deliver = std::function<bool(NodeIndex target, Batch batch)>;

  /// `targets`: where rows are wanted. Stages that lead to none of them do not run.
  /// `activity`: where it shows what it is at; may be nullptr.
  PartitionFlow(const Graph& graph, NodeIndex source, std::vector<NodeIndex> targets,
                FlowSettings settings, const Cancellation& cancellation,
                Activity* activity = nullptr);

  /// Reads the partition to its end, or until no target wants more. Throws what a stage throws;
  /// Error (transient) when it took longer than the limit; Error (permanent) when more than
  /// max_rejects rows were rejected; Error (internal) when the source's own count does not add up.
  /// With `replay` it reads those records instead, as a partition of their own; they must live as
  /// long as the flow.
  void run(const Partition& partition, const Deliver& deliver, const Replay* replay = nullptr);
  /// The same with these batches in place of what the source gives; `source` may be a filter, whose
  /// place they then take. To a predicate they are what a source's rows are.
  void run_on(std::vector<Batch> batches, const Deliver& deliver);

  /// After run(). Throws Error (internal) when the counts on the way to `sink` do not add up.
  [[nodiscard]] RowCounts counts_for(NodeIndex sink) const;
  /// Whether this target wanted no more before the end.
  [[nodiscard]] bool closed(NodeIndex target) const { return closed_[target]; }
  [[nodiscard]] const std::vector<StageCounts>& stages() const { return stages_; }
  [[nodiscard]] std::int64_t downloaded() const { return downloaded_; }
  [[nodiscard]] std::int64_t decoded() const { return decoded_; }
  /// "12 rows rejected: 8 x fewer than 4 fields, 4 x ..."; empty when there were none.
  [[nodiscard]] std::string rejects_by_reason() const;

 private:
  /// The services that one stage of this flow is given; neither copied nor moved.
  struct TaskContext {
    PartitionFlow* flow;
    NodeIndex node;
    etl_task task;
  };
  class Turn;

  void guarded(const std::function<void()>& body) const;
  void flow(const std::function<void(const etl_predicate*)>& pull);
  [[nodiscard]] bool to_stop();
  [[nodiscard]] StageError too_long(const std::string& stage) const;
  void pass(FaultPoint point) const;
  etl_task* task_of(NodeIndex node);
  void count(NodeIndex node, std::uint32_t counter, std::int64_t rows);
  void reject(NodeIndex node, const etl_reject& reject);

  void open_filters();
  std::optional<etl_predicate> choose_predicate();
  [[nodiscard]] detail::OwnedStream open_source(const Partition& partition,
                                                const etl_predicate* predicate);
  void pull(const Partition& partition, const etl_predicate* predicate);
  [[nodiscard]] Batch without_dropped(Batch batch, const etl_predicate* predicate);
  bool take(Batch batch);
  [[nodiscard]] StageError stream_error(const detail::OwnedStream& stream, int code) const;
  void leave(NodeIndex node, Batch batch);
  void arrive(NodeIndex node, Batch batch);
  void give(NodeIndex target, Batch batch);
  void require_few_rejects() const;
  void settle_source();

  const Graph& graph_;
  NodeIndex source_;
  std::vector<NodeIndex> targets_;
  FlowSettings settings_;
  const Cancellation& cancellation_;
  Activity* activity_;
  Deadline deadline_;
  std::exception_ptr reject_failure_;
  bool late_ = false;
  bool has_batch_ = false;

  std::deque<TaskContext> tasks_;
  std::vector<std::vector<NodeIndex>>
      consumers_;  ///< of each node: the outputs that lead to a target
  std::vector<bool> target_;
  std::vector<bool> closed_;
  std::map<NodeIndex, FilterRun> filters_;
  const Deliver* deliver_ = nullptr;
  const Replay* replay_ = nullptr;

  std::vector<StageCounts> stages_;
  std::vector<std::int64_t> delivered_;
  std::optional<NodeIndex> predicate_filter_;
  std::optional<std::int64_t> reported_read_;
  std::int64_t dropped_ = 0;
  std::int64_t downloaded_ = 0;
  std::int64_t decoded_ = 0;
  std::int64_t rejected_ = 0;
  std::map<std::string, std::int64_t> reasons_;
  std::int64_t other_reasons_ = 0;
  std::optional<Error> failure_;  ///< what the source's stream said

  std::optional<NodeIndex> current_;  ///< whose time it is
  std::chrono::steady_clock::time_point since_;
};

}  // namespace etl::runtime
