/// \file
/// The table `etl_running`, beside the ledger: what runs have in hand.
#pragma once

#include "database.hpp"
#include "table_definition.hpp"

#include <etl/running.hpp>

#include <string_view>
#include <vector>

namespace sqlite {

/// Reads and writes `etl_running`. Begins and ends no transaction: its caller does. The clock is
/// this machine's, on which all who use the file are.
///
/// Borrows the connection, and like it is used by one thread at a time.
class RunningTable {
 public:
  explicit RunningTable(Database& database) : database_(database) {}

  [[nodiscard]] static const TableDefinition& definition();

  /// Every record of a pipeline and sink, ordered by source, partition and run.
  [[nodiscard]] std::vector<etl::RunningRecord> all(std::string_view pipeline,
                                                    std::string_view sink);
  /// Replaces what the run said before, and removes what was silent for too long.
  void replace(const etl::Heartbeat& beat);

 private:
  void remove(const etl::Heartbeat& beat, std::int64_t now);
  void add(const etl::RunningRecord& record, std::int64_t now);

  Database& database_;
};

}  // namespace sqlite
