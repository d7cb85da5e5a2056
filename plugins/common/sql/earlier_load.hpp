/// \file
/// A partition that an earlier run loaded: when it conflicts with a new load, and how its rows and
/// ledger record are deleted. All run in the caller's transaction, on its thread.
#pragma once

#include "plugins/common/sql/ledger_table.hpp"

#include <etl/ledger.hpp>
#include <etl/partition.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace sql {

/// The value that the partition's rows have in the column of its scope, as a parameter. Nothing if
/// the partition has no scope, or its column is gone or of another type (filters may do that).
[[nodiscard]] std::optional<Value> scope_value(const etl::Scope& scope,
                                               const TableDefinition& table);

/// The reason why rows with that value cannot be identified, for errors.
[[nodiscard]] std::string count_mismatch(std::int64_t found, const std::string& column,
                                         std::int64_t rows_written);

/// Clears the way for writing a partition to `table`: a reload deletes the rows of the earlier
/// load. Returns what the new record may replace.
///
/// With a key, rows that cannot be identified stay: the new rows replace them, by the key, unless
/// they would be combined with them. Throws Error: conflict if the ledger has the partition `done`
/// and the request is not a reload; permanent if rows that must go cannot be identified; transient
/// if the table keeps rows that were deleted.
[[nodiscard]] Replace make_way(const LedgerTable& ledger, const TableDefinition& table,
                               const etl::WriteRequest& request);

/// Deletes the ledger record of a partition, if there is one, and on request its rows. Returns the
/// number of rows deleted. Waits for a run that is loading the partition.
///
/// Throws Error (permanent) if rows cannot be identified, with or without a key: no new ones
/// replace them. `table_exists` is asked only before rows are deleted.
std::int64_t forget(const LedgerTable& ledger, const TableDefinition& table,
                    const etl::ForgetRequest& request, const std::function<bool()>& table_exists);

}  // namespace sql
