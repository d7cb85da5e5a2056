/// \file
/// The writing side of an attempt: from the batches in one sink's stream to the commit.
#pragma once

#include "core/runtime/attempt/attempt.hpp"
#include "core/runtime/attempt/exchange.hpp"

namespace etl::runtime {

/// Writes partitions to their sinks. write() may be called from any thread.
class PartitionWriter {
 public:
  /// All arguments must outlive it.
  PartitionWriter(const Graph& graph, const AttemptSettings& settings, Exchange& exchange)
      : graph_(graph), settings_(settings), exchange_(exchange) {}

  /// Writes and commits the stream, in one transaction of its sink.
  SinkOutcome write(const AttemptRequest& request, SinkStream& stream) const;

 private:
  void write_rows(const AttemptRequest& request, SinkStream& stream, Deadline& deadline) const;
  void commit(const Node& node, SinkWriter& writer, LedgerRecord record) const;
  [[nodiscard]] SinkOutcome after_conflict(const AttemptRequest& request, NodeIndex sink) const;
  void pass(FaultPoint point) const;

  const Graph& graph_;
  const AttemptSettings& settings_;
  Exchange& exchange_;
};

}  // namespace etl::runtime
