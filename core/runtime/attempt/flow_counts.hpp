/// \file
/// The counts of one flow: rows into and out of every stage, and whether they add up.
#pragma once

#include "core/runtime/pipeline/graph.hpp"
#include "core/runtime/pipeline/row_counts.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// For each node the outputs that lead to a target of the flow.
using Consumers = std::vector<std::vector<NodeIndex>>;

/// Used by the thread of the flow.
class FlowCounts {
 public:
  FlowCounts(const Graph& graph, NodeIndex source)
      : graph_(graph),
        source_(source),
        stages_(graph.nodes().size()),
        delivered_(graph.nodes().size()) {}

  [[nodiscard]] StageCounts& operator[](NodeIndex node) { return stages_[node]; }
  [[nodiscard]] const std::vector<StageCounts>& stages() const { return stages_; }

  /// Adds what the source itself reports: one of ETL_ROWS_READ, ETL_BYTES_DOWNLOADED, ...
  void report(std::uint32_t counter, std::int64_t amount);
  /// Whether the source reports the rows that it reads.
  [[nodiscard]] bool source_reports_rows() const { return reported_read_.has_value(); }
  /// Adds rows that the source, or the flow in its place, dropped for a predicate.
  void drop(std::int64_t rows) { dropped_ += rows; }
  void reject(NodeIndex node, std::string_view reason);
  void deliver(NodeIndex target, std::int64_t rows) { delivered_[target] += rows; }

  [[nodiscard]] std::int64_t downloaded() const { return downloaded_; }
  [[nodiscard]] std::int64_t decoded() const { return decoded_; }
  [[nodiscard]] std::int64_t rejected() const { return rejected_; }
  /// Rows by reason; of very many reasons, the later ones count as "other reasons".
  [[nodiscard]] std::map<std::string, std::int64_t> rejects() const;
  /// "12 rows rejected: 8 x fewer than 4 fields, 4 x ..."; empty when there were none.
  [[nodiscard]] std::string rejects_by_reason() const;

  /// Completes the source's counts after its last batch. Rows dropped for `filter` count as if they
  /// had gone through both. Throws StageError (internal) when the source read to its end
  /// (`complete`) and reports another number of rows than it emitted, dropped and rejected.
  void settle_source(std::optional<NodeIndex> filter, bool complete);
  /// The counts on the way to `sink`. Throws StageError (internal) when they do not add up.
  [[nodiscard]] RowCounts to_sink(NodeIndex sink, const Consumers& consumers) const;

 private:
  const Graph& graph_;
  NodeIndex source_;
  std::vector<StageCounts> stages_;
  std::vector<std::int64_t> delivered_;
  std::optional<std::int64_t> reported_read_;
  std::int64_t dropped_ = 0;
  std::int64_t downloaded_ = 0;
  std::int64_t decoded_ = 0;
  std::int64_t rejected_ = 0;
  std::map<std::string, std::int64_t> reasons_;
  std::int64_t other_reasons_ = 0;
};

}  // namespace etl::runtime
