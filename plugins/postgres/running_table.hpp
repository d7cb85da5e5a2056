/// \file
/// The table etl_running, beside the ledger: what runs have in hand.
#pragma once

#include "table_definition.hpp"

#include <etl/running.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace postgres {

/// etl_running in one schema of the server, whose clock says when a run was last heard of. Holds no
/// connection; may be used from any thread.
class RunningTable {
 public:
  static constexpr std::string_view name = "etl_running";

  explicit RunningTable(const std::string& schema);

  /// All records of a pipeline and sink, by source, partition and run; none where there is no
  /// table.
  [[nodiscard]] std::vector<etl::RunningRecord> read(Connection& connection,
                                                     std::string_view pipeline,
                                                     std::string_view sink) const;

  /// Replaces what the run said before and removes what was silent for too long, in a transaction
  /// of its own that waits for no lock. Creates the table when there is something to say.
  void write(Connection& connection, const etl::Heartbeat& beat) const;

 private:
  void create(Connection& connection) const;
  void remove(Connection& connection, const etl::Heartbeat& beat) const;
  void add(Connection& connection, const std::vector<etl::RunningRecord>& records) const;

  TableDefinition definition_;
};

}  // namespace postgres
