/// \file
/// Adds up the attempts of a run for its summary.
#pragma once

#include "core/runtime/attempt/attempt.hpp"
#include "core/runtime/schedule/summary.hpp"

#include <map>
#include <vector>

namespace etl::runtime {

/// Not thread-safe: the scheduler locks.
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

}  // namespace etl::runtime
