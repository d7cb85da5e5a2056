/// \file
/// Whether a table has taken all rows of an INSERT, as they were sent.
#pragma once

#include "plugins/sqlite/database/database.hpp"
#include "plugins/sqlite/table/table_definition.hpp"

#include <string_view>

namespace sqlite {

/// How an INSERT into the table treats violations, so that it drops and replaces no row silently
/// and, where that is possible, leaves statements of triggers as they were written.
[[nodiscard]] Violations violations(Database& database, const sql::TableDefinition& table);

/// Whether the table lacks rows of `from` (see insert_from()), of which an INSERT has written fewer
/// than there are. Triggers may skip a row (RAISE(IGNORE)) that is there already.
[[nodiscard]] bool lacks_rows(Database& database, const sql::TableDefinition& table,
                              std::string_view from);

}  // namespace sqlite
