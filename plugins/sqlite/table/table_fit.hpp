/// \file
/// Whether a table that is already in the database can take what a sink writes.
#pragma once

#include "plugins/common/sql/table_definition.hpp"
#include "plugins/sqlite/database/database.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sqlite {

/// True if the table exists and fits, false if there is none. Throws Error (config, about `option`)
/// for a table that does not fit (see sql::require_fit), for one that would change, drop or confuse
/// rows (by its triggers, or by a key that ignores differences), and for anything else of its name.
[[nodiscard]] bool exists_and_fits(Database& database, const sql::TableDefinition& definition,
                                   std::string_view option);

/// Whether there is a table of that name without a row.
[[nodiscard]] bool is_empty(Database& database, const std::string& table);

/// The column that is the table's rowid: SQLite stores a number of its own for NULL.
[[nodiscard]] std::optional<std::string> rowid_column(Database& database, const std::string& table);

/// Whether a constraint of the table may have an ON CONFLICT clause: its definition has the word.
[[nodiscard]] bool has_conflict_clause(Database& database, const std::string& table);

}  // namespace sqlite
