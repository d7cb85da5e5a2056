#include "core/runtime/attempt/flow_counts.hpp"

#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/utf8.hpp"

#include <etl/abi.h>

#include <fmt/format.h>

#include <algorithm>

namespace etl::runtime {
namespace {

/// Reasons are short fixed phrases. A plugin that makes a new one for every row must not fill the
/// memory.
constexpr std::size_t max_reasons = 20;

}  // namespace

void FlowCounts::report(std::uint32_t counter, std::int64_t amount) {
  switch (counter) {
    case ETL_ROWS_READ:
      reported_read_ = reported_read_.value_or(0) + amount;
      break;
    case ETL_ROWS_DROPPED:
      dropped_ += amount;
      break;
    case ETL_BYTES_DOWNLOADED:
      downloaded_ += amount;
      break;
    case ETL_BYTES_DECODED:
      decoded_ += amount;
      break;
    default:
      break;  // of a later minor version
  }
}

void FlowCounts::reject(NodeIndex node, std::string_view reason) {
  ++stages_[node].rejected;
  ++rejected_;
  const std::string text = printable(reason);
  if (reasons_.size() < max_reasons || reasons_.contains(text)) ++reasons_[text];
  else ++other_reasons_;
}

std::map<std::string, std::int64_t> FlowCounts::rejects() const {
  auto by_reason = reasons_;
  if (other_reasons_ != 0) by_reason["other reasons"] += other_reasons_;
  return by_reason;
}

std::string FlowCounts::rejects_by_reason() const {
  if (rejected_ == 0) return {};
  std::string text = counted(rejected_, "row") + " rejected";
  const char* separator = ": ";
  const auto add = [&](std::int64_t rows, std::string_view reason) {
    text += fmt::format("{}{} x {}", separator, rows, reason);
    separator = ", ";
  };
  for (const auto& [reason, rows] : reasons_) add(rows, reason);
  if (other_reasons_ != 0) add(other_reasons_, "other reasons");
  return text;
}

void FlowCounts::settle_source(std::optional<NodeIndex> filter, bool complete) {
  StageCounts& source = stages_[source_];
  const Stage& stage = *graph_[source_].stage;
  if (filter) {
    source.rows_out += dropped_;
    stages_[*filter].rows_in += dropped_;
  } else if (dropped_ != 0) {
    throw stage.failure(
        Error(Code::internal, counted(dropped_, "row") + " dropped without a predicate"));
  }
  const std::int64_t accounted = source.rows_out + source.rejected;
  source.rows_in = reported_read_.value_or(accounted);
  if (complete && source.rows_in != accounted) {
    throw stage.failure(Error(
        Code::internal,
        fmt::format(
            "the counts do not add up: {} rows read, but {} emitted or dropped and {} rejected",
            source.rows_in, source.rows_out, source.rejected)));
  }
}

RowCounts FlowCounts::to_sink(NodeIndex sink, const Consumers& consumers) const {
  RowCounts counts;
  counts.read = stages_[source_].rows_in;
  counts.written = delivered_[sink];
  for (NodeIndex node = 0; node < graph_.nodes().size(); ++node) {
    if (node == sink || !graph_.reaches(source_, node) || !graph_.reaches(node, sink)) continue;
    const StageCounts& stage = stages_[node];
    counts.rejected += stage.rejected;
    if (graph_[node].kind == Kind::filter) {
      const std::int64_t filtered = stage.rows_in - stage.rows_out - stage.rejected;
      if (filtered >= 0) counts.filtered += filtered;
      else counts.added -= filtered;
    }
    // A stage that feeds several others on the way to this sink multiplies its rows.
    const auto paths = std::ranges::count_if(
        consumers[node], [&](NodeIndex next) { return graph_.reaches(next, sink); });
    if (paths > 1) counts.added += (paths - 1) * stage.rows_out;
  }
  if (!counts.balanced()) {
    throw graph_[sink].stage->failure(Error(
        Code::internal,
        fmt::format("the counts do not add up: read {} + added {} is not filtered {} + rejected {} "
                    "+ written {}",
                    counts.read, counts.added, counts.filtered, counts.rejected, counts.written)));
  }
  return counts;
}

}  // namespace etl::runtime
