/// \file
/// The rows that a target table has, and those of them that are in no ledger.
#pragma once

#include "plugins/common/sql/table_definition.hpp"

#include <string_view>

namespace sql {

/// The option `existing_rows` of sinks, which allows such rows.
inline constexpr std::string_view existing_rows_values = "refuse|keep";
inline constexpr std::string_view existing_rows_help =
    "What to do if the table has rows, but its ledger counts none: refuse, because they may be the "
    "rows that are about to be loaded; keep adds to them";

/// Whether the table has a row for which `condition`, an SQL expression, is true. Reads one row.
[[nodiscard]] bool has_rows(Session& session, const TableDefinition& table,
                            std::string_view condition = "true");

/// Throws Error (config, about "table") if `table` has rows and no load into its schema is recorded
/// as done: it may have been moved or restored without its ledger, and would be loaded once more.
/// REQUIRES: the table exists; and so does the ledger if `has_ledger`.
void refuse_unknown_rows(Session& session, const TableDefinition& table,
                         const TableDefinition& ledger, bool has_ledger);

}  // namespace sql
