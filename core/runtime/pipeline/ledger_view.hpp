/// \file
/// The records that the sinks' ledgers hold of a pipeline.
#pragma once

#include "core/runtime/pipeline/pipeline.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace etl::runtime {

/// The ledgers of a pipeline's sinks, as they were when loaded.
class LedgerView {
 public:
  /// Reads the ledger of one sink. Throws StageError.
  void load(const Graph& graph, NodeIndex sink, const std::string& pipeline);
  /// Reads all databases of the sink, see for_each_database(). Of two records of one partition,
  /// find() prefers the one that is done.
  void load_all(const Pipeline& pipeline, NodeIndex sink);

  /// nullptr if the ledger has no record of the partition.
  [[nodiscard]] const LedgerRecord* find(NodeIndex sink, const std::string& source,
                                         const std::string& partition) const;
  /// The record of a partition that is done; nullptr for any other.
  [[nodiscard]] const LedgerRecord* done(NodeIndex sink, const std::string& source,
                                         const std::string& partition) const;
  [[nodiscard]] const std::vector<LedgerRecord>& records(NodeIndex sink) const;
  /// Whether the sink's ledger was loaded.
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
