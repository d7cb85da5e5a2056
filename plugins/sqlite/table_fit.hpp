/// \file
/// Whether a table that is already in the database can take what a sink writes.
#pragma once

#include "plugins/common/sql/table_definition.hpp"
#include "plugins/sqlite/database.hpp"

#include <string_view>

namespace sqlite {

/// True if the table exists and fits, false if there is none. Throws Error (config, about `option`)
/// for a table that does not fit (see sql::require_fit) and for anything else of its name.
[[nodiscard]] bool exists_and_fits(Database& database, const sql::TableDefinition& definition,
                                   std::string_view option);

}  // namespace sqlite
