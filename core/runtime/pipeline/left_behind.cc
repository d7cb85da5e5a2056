#include "core/runtime/pipeline/left_behind.hpp"

#include <map>

namespace etl::runtime {

std::vector<LedgerRecord> left_behind(const Graph& graph, NodeIndex sink, const LedgerView& ledger,
                                      const std::vector<PlannedPartition>& planned) {
  if (!ledger.knows(sink)) return {};
  std::map<std::pair<std::string, std::string>, LedgerRecord> failed;
  for (const LedgerRecord& record : ledger.records(sink)) {
    const bool settled = ledger.done(sink, record.source, record.partition) != nullptr;
    if (record.state == State::failed && !settled)
      failed.emplace(std::pair(record.source, record.partition), record);
  }
  for (const PlannedPartition& each : planned) {
    if (failed.empty()) break;
    failed.erase({graph[each.source].name, each.partition.id});
  }
  std::vector<LedgerRecord> found;
  for (auto& [key, record] : failed) found.push_back(std::move(record));
  return found;
}

}  // namespace etl::runtime
