#include "core/runtime/describe/preview.hpp"

#include "core/runtime/attempt/partition_flow.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/pipeline_tests/row_values.hpp"

#include <limits>

namespace etl::runtime {

Preview preview(const Pipeline& pipeline, NodeIndex stage, std::int64_t rows,
                Cancellation& cancellation, Log& log) {
  const Graph& graph = *pipeline.graph;
  Preview out;
  out.schema = graph[stage].columns();
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
          nlohmann::json& values = out.rows.emplace_back(nlohmann::json::array());
          for (std::size_t column = 0; const Cell& cell : row_of(batch, row))
            values.push_back(cell_json(cell, out.schema[column++].type));
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
