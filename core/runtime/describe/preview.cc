#include "core/runtime/describe/preview.hpp"

#include "core/runtime/attempt/partition_flow.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/pipeline_tests/row_values.hpp"

#include <limits>

namespace etl::runtime {
namespace {

nlohmann::json cell(const Batch& batch, std::size_t column, std::size_t row) {
  const Type type = batch.schema()[column].type;
  const auto value = [&](auto values) -> nlohmann::json {
    if (values.null(row)) return nullptr;
    return values[row];
  };
  switch (type) {
    case Type::boolean:
      return value(batch.column<bool>(column));
    case Type::int32:
      return value(batch.column<std::int32_t>(column));
    case Type::int64:
      return value(batch.column<std::int64_t>(column));
    case Type::float64:
      return value(batch.column<double>(column));
    case Type::timestamp_s:
    case Type::timestamp_us: {
      const auto times = batch.column<std::int64_t>(column);
      if (times.null(row)) return nullptr;
      return time_text(times[row], type);
    }
    default:
      return value(batch.column<std::string_view>(column));
  }
}

}  // namespace

Preview preview(const Pipeline& pipeline, NodeIndex stage, std::int64_t rows,
                Cancellation& cancellation, Log& log) {
  const Graph& graph = *pipeline.graph;
  Preview out;
  out.schema = graph[stage].kind == Kind::sink ? graph[stage].in : graph[stage].out;
  const auto wanted = static_cast<std::size_t>(rows);
  for (const PlannedPartition& planned : plan_partitions(graph, {})) {
    if (out.rows.size() >= wanted || cancellation.requested()) break;
    if (!graph.reaches(planned.source, stage)) continue;
    FlowSettings settings;
    settings.pushdown = pipeline.file.run.pushdown;
    settings.max_rejects = std::numeric_limits<std::int64_t>::max();
    PartitionFlow flow(graph, planned.source, {stage}, std::move(settings), cancellation);
    try {
      flow.run(planned.partition, [&](NodeIndex, const Batch& batch) {
        for (std::size_t row = 0; row < batch.rows() && out.rows.size() < wanted; ++row) {
          nlohmann::json values = nlohmann::json::array();
          for (std::size_t column = 0; column < out.schema.size(); ++column) {
            values.push_back(cell(batch, column, row));
          }
          out.rows.push_back(std::move(values));
        }
        return out.rows.size() < wanted;
      });
    } catch (const StageError& error) {
      if (error.code() != Code::missing) throw;
      log.info(planned.partition.id + " is missing: " + error.message());
    }
    graph.source(planned.source).finish(planned.partition.id);
    if (const std::string rejects = flow.counts().rejects_by_reason(); !rejects.empty()) {
      log.warn(planned.partition.id + ": " + rejects);
    }
  }
  return out;
}

}  // namespace etl::runtime
