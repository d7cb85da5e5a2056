/// \file
/// The rows that an earlier run wrote for a partition.
#pragma once

#include "database.hpp"
#include "table_definition.hpp"

#include <etl/partition.hpp>
#include <etl/schema.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace sqlite {

/// A partition's scope as the table holds it: a column, and the value that all its rows have there.
struct StoredScope {
  std::string column;
  std::variant<std::int64_t, std::string> value;
};

/// Nothing when the partition has no scope, or one that is no longer in the columns (a filter may
/// have taken the column away, or made something else of it).
[[nodiscard]] std::optional<StoredScope> stored_scope(const etl::Scope& scope,
                                                      const etl::Schema& schema,
                                                      Timestamps timestamps);

/// What became of a partition's earlier rows.
struct RemovedRows {
  std::int64_t count = 0;
  std::string refused;  ///< why nobody can say which rows they are; empty = they are gone
};

/// Deletes the `rows_written` rows of `partition`, told by its scope. Deletes nothing where the
/// table has another number of them: whose they are, nobody knows then. Runs in the transaction of
/// its caller, on its thread.
[[nodiscard]] RemovedRows remove_rows(Database& database, const TableOptions& options,
                                      const etl::Schema& schema, const etl::Partition& partition,
                                      std::int64_t rows_written);

}  // namespace sqlite
