#include "core/runtime/pipeline/lost_target.hpp"

#include "core/runtime/base/text_format.hpp"

#include <fmt/format.h>

namespace etl::runtime {

std::optional<std::string> lost_target(const Graph& graph, NodeIndex sink,
                                       const std::string& pipeline, const SinkTarget& target) {
  if (target.ddl.empty()) return std::nullopt;
  // This target's own ledger: those of other tasks count rows in other databases.
  std::int64_t partitions = 0;
  std::int64_t rows = 0;
  for (const LedgerRecord& record : graph.sink(sink).committed(pipeline)) {
    if (record.state != State::done || record.rows_written == 0) continue;
    ++partitions;
    rows += record.rows_written;
  }
  if (partitions == 0) return std::nullopt;
  return fmt::format(
      "sink \"{}\": {} does not exist, but its ledger counts {} in it, of {}: it was dropped or "
      "renamed, or the ledger comes from another database",
      graph[sink].name, target.name, counted(rows, "row"), counted(partitions, "partition"));
}

void require_target(const Graph& graph, NodeIndex sink, const std::string& pipeline) {
  const std::optional<SinkTarget> target = graph.sink(sink).inspect(graph[sink].in);
  const auto lost = target ? lost_target(graph, sink, pipeline, *target) : std::nullopt;
  if (lost) throw Error::config(fmt::format("{}; {}", *lost, lost_target_remedy));
}

}  // namespace etl::runtime
