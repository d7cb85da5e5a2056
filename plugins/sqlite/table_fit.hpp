/// \file
/// Whether a table that is already in the database can take what a TableDefinition wants to write.
#pragma once

#include "database.hpp"
#include "table_definition.hpp"

#include <string>
#include <string_view>

namespace sqlite {

/// True when the table exists and fits, false when there is none. Throws Error (config, about
/// `option`) when it does not fit: when something else has its name, and else with every reason: a
/// column that is missing, generated or would convert its values, a NOT NULL column that nothing
/// fills, no PRIMARY KEY or UNIQUE index on exactly the key.
///
/// Columns that only the table has are fine where they may be NULL or have a default. NOT NULL on a
/// column that may carry nulls is fine too: the rows decide.
[[nodiscard]] bool exists_and_fits(Database& database, const TableDefinition& definition,
                                   std::string_view option);

}  // namespace sqlite
