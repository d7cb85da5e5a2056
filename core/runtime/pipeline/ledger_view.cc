#include "core/runtime/pipeline/ledger_view.hpp"

namespace etl::runtime {

void LedgerView::load(const Graph& graph, NodeIndex sink, const std::string& pipeline) {
  Entries entries;
  for (LedgerRecord& record : graph.sink(sink).committed(pipeline)) entries.add(std::move(record));
  sinks_[sink] = std::move(entries);
}

void LedgerView::load_all(const Pipeline& pipeline, NodeIndex sink) {
  Entries entries;
  for_each_database(pipeline, sink, [&](const SinkStage& stage) {
    for (LedgerRecord& record : stage.committed(pipeline.file.name)) entries.add(std::move(record));
  });
  sinks_[sink] = std::move(entries);
}

void LedgerView::Entries::add(LedgerRecord record) {
  const auto [at, is_new] = index.try_emplace({record.source, record.partition}, records.size());
  if (!is_new && records[at->second].state != State::done) at->second = records.size();
  records.push_back(std::move(record));
}

const LedgerRecord* LedgerView::find(NodeIndex sink, const std::string& source,
                                     const std::string& partition) const {
  const auto entries = sinks_.find(sink);
  if (entries == sinks_.end()) return nullptr;
  const auto at = entries->second.index.find({source, partition});
  return at == entries->second.index.end() ? nullptr : &entries->second.records[at->second];
}

const LedgerRecord* LedgerView::done(NodeIndex sink, const std::string& source,
                                     const std::string& partition) const {
  const LedgerRecord* record = find(sink, source, partition);
  return record != nullptr && record->state == State::done ? record : nullptr;
}

const std::vector<LedgerRecord>& LedgerView::records(NodeIndex sink) const {
  static const std::vector<LedgerRecord> none;
  const auto entries = sinks_.find(sink);
  return entries == sinks_.end() ? none : entries->second.records;
}

}  // namespace etl::runtime
