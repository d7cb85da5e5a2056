/// \file
/// What there is to do: partitions, and what the ledgers say of each.
#pragma once

#include "core/runtime/pipeline.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace etl::runtime {

/// Which partitions a run or plan is about.
struct Selection {
  std::vector<std::string> only;      ///< globs, as fnmatch(3); empty = all
  std::optional<std::int64_t> limit;  ///< the first N of the plan
};

/// A partition of a source.
struct PlannedPartition {
  NodeIndex source = 0;
  Partition partition;
};

/// What the sinks' ledgers know of this pipeline.
class LedgerView {
 public:
  /// Reads the ledger of one sink. Throws StageError.
  void load(const Graph& graph, NodeIndex sink, const std::string& pipeline);

  /// nullptr when the ledger has nothing about it.
  [[nodiscard]] const LedgerRecord* find(NodeIndex sink, const std::string& source,
                                         const std::string& partition) const;
  [[nodiscard]] const std::vector<LedgerRecord>& records(NodeIndex sink) const;

 private:
  struct Entries {
    std::vector<LedgerRecord> records;
    std::map<std::pair<std::string, std::string>, std::size_t> index;
  };
  std::map<NodeIndex, Entries> sinks_;
};

/// The partitions of every source, in the order of the file and of each source's plan. Throws
/// StageError; Error (permanent) when a source plans the same id twice.
std::vector<PlannedPartition> plan_partitions(const Graph& graph, const Selection& selection);

/// Says which stage changed since a `done` partition was loaded and what to do about it; nothing
/// when every definition is the one of this file.
std::optional<std::string> changed_definition(const Graph& graph, const LedgerView& ledger);

}  // namespace etl::runtime
