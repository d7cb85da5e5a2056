/// \file
/// The running table: `etl_running`, beside the ledger, with what each run is working on.
#pragma once

#include "plugins/common/sql/session.hpp"
#include "plugins/common/sql/table_definition.hpp"

#include <etl/running.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sql {

[[nodiscard]] TableDefinition running_definition(const Dialect& dialect, std::string schema,
                                                 std::string shown);

/// Reads and writes an existing running table. Times are those of the database's clock. The caller
/// begins and ends transactions.
///
/// Borrows the session; like it, used by one thread at a time.
class RunningTable {
 public:
  RunningTable(Session& session, TableDefinition definition)
      : session_(session), definition_(std::move(definition)) {}

  /// All records of a pipeline and sink, ordered by source, partition and run.
  [[nodiscard]] std::vector<etl::RunningRecord> all(std::string_view pipeline,
                                                    std::string_view sink) const;
  /// Replaces the records of the run and deletes those of runs silent for too long.
  void replace(const etl::Heartbeat& beat) const;

 private:
  [[nodiscard]] Time now() const;

  Session& session_;
  TableDefinition definition_;
};

}  // namespace sql
