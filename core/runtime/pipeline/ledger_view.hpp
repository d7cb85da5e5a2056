/// \file
/// What the sinks' ledgers say of a pipeline.
#pragma once

#include "core/runtime/pipeline/pipeline.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace etl::runtime {

/// What the sinks' ledgers know of this pipeline.
class LedgerView {
 public:
  /// Reads the ledger of one sink. Throws StageError.
  void load(const Graph& graph, NodeIndex sink, const std::string& pipeline);
  /// The same for all tasks, where each has a database of its own and the pipeline is no task's. Of
  /// two records of one partition the one that says `done` is found.
  void load_all(const Pipeline& pipeline, NodeIndex sink);

  /// nullptr when the ledger has nothing about it.
  [[nodiscard]] const LedgerRecord* find(NodeIndex sink, const std::string& source,
                                         const std::string& partition) const;
  [[nodiscard]] const std::vector<LedgerRecord>& records(NodeIndex sink) const;
  /// False when the sink's ledger could not be read: then nothing is known.
  [[nodiscard]] bool knows(NodeIndex sink) const { return sinks_.contains(sink); }

 private:
  struct Entries {
    void add(LedgerRecord record);

    std::vector<LedgerRecord> records;
    std::map<std::pair<std::string, std::string>, std::size_t> index;
  };
  std::map<NodeIndex, Entries> sinks_;
};

}  // namespace etl::runtime
