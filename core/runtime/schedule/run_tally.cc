#include "core/runtime/schedule/run_tally.hpp"

#include <algorithm>

namespace etl::runtime {

void RunTally::add_attempt(const AttemptResult& result, std::vector<bool>& rows_counted) {
  const bool committed = std::any_of(
      result.outcomes.begin(), result.outcomes.end(),
      [](const auto& outcome) { return outcome.second.kind == SinkOutcome::Kind::committed; });
  for (NodeIndex node = 0; node < stages_.size(); ++node) {
    StageCounts counts = result.stages[node];
    const bool has_rows = counts.rows_in != 0 || counts.rows_out != 0 || counts.rejected != 0;
    if (committed && has_rows && !rows_counted[node]) rows_counted[node] = true;
    else counts = {0, 0, 0, counts.busy};
    stages_[node] += counts;
    peaks_[node] = std::max(peaks_[node], result.peaks[node]);
  }
  downloaded_ += result.downloaded;
  decoded_ += result.decoded;
}

void RunTally::add_commit(NodeIndex sink, const RowCounts& rows) {
  ++sinks_[sink].partitions.done;
  sinks_[sink].rows += rows;
}

void RunTally::add_read(const RowCounts& rows) {
  read_once_.read += rows.read;
  read_once_.rejected += rows.rejected;
}

void RunTally::add_failure(NodeIndex sink, Failure failure) {
  ++sinks_[sink].partitions.failed;
  failures_.push_back(std::move(failure));
}

void RunTally::add_to(Summary& summary, const Graph& graph) const {
  std::size_t at = 0;
  for (const NodeIndex sink : graph.of_kind(Kind::sink)) {
    SinkSummary& out = summary.sinks[at++];
    const auto found = sinks_.find(sink);
    if (found == sinks_.end()) continue;
    out.rows += found->second.rows;
    out.partitions += found->second.partitions;
  }
  for (NodeIndex node = 0; node < stages_.size(); ++node) {
    StageSummary& out = summary.stages[node];
    out.counts += stages_[node];
    out.peak_memory_bytes = std::max(out.peak_memory_bytes, peaks_[node]);
  }
  for (const auto& [sink, counts] : sinks_) {
    summary.stages[sink].counts.rows_in = counts.rows.written;
    summary.stages[sink].counts.rows_out = counts.rows.written;
  }
  summary.partitions += partitions_;
  summary.bytes_downloaded += downloaded_;
  summary.bytes_decoded += decoded_;
  summary.failures.insert(summary.failures.end(), failures_.begin(), failures_.end());
  summary.add_up_rows(read_once_);
}

}  // namespace etl::runtime
