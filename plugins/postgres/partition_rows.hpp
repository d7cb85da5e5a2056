/// \file
/// The rows that an earlier run wrote for a partition.
#pragma once

#include "connection.hpp"
#include "table_definition.hpp"

#include <etl/partition.hpp>

#include <cstdint>
#include <string>

namespace postgres {

/// What became of a partition's earlier rows.
struct RemovedRows {
  std::int64_t count = 0;
  std::string refused;  ///< why nobody can say which rows they are; empty = they are gone
};

/// `keep` looks before it deletes, for callers that go on; `roll_back` saves that look, for callers
/// that end the transaction then.
enum class IfRefused { keep, roll_back };

/// Deletes the `rows_written` rows of `partition` from the table, told by its scope. Where there is
/// another number of them it says so in `refused`: whose they are, nobody knows then. Runs in the
/// transaction of its caller, on its thread.
[[nodiscard]] RemovedRows remove_rows(Connection& connection, const TableDefinition& table,
                                      const etl::Partition& partition, std::int64_t rows_written,
                                      IfRefused if_refused);

}  // namespace postgres
