/// \file
/// Triggers of a table that would make its rows differ from those that the ledger counts.
#pragma once

#include "plugins/common/sql/table_definition.hpp"
#include "plugins/sqlite/database/database.hpp"

#include <string>

namespace sqlite {

/// Whether a trigger is defined on the table.
[[nodiscard]] bool has_triggers(Database& database, const sql::TableDefinition& table);

/// The triggers that inserts into the table (or with Rows::deleted, deletes from it) fire, directly
/// or through other triggers, and that insert or delete rows of this very table, or change its
/// loaded columns: `trigger "a" deletes rows; trigger "b" changes column "title"`. Empty if there
/// are none. Triggers may write to other tables, and to columns that are not loaded.
///
/// RAISE(IGNORE), which skips a row, is not among them: only the rows show whether it applies.
enum class Rows { inserted, deleted };
[[nodiscard]] std::string harmful_triggers(Database& database, const sql::TableDefinition& table,
                                           Rows rows);

/// Throws Error (permanent) if deleting rows of the table fires harmful triggers.
void require_plain_deletes(Database& database, const sql::TableDefinition& table);

}  // namespace sqlite
