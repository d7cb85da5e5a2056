/// \file
/// Whether an existing table can take the rows that a sink writes.
#pragma once

#include "plugins/common/sql/table_definition.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sql {

/// A table as the database has it.
struct ExistingTable {
  struct Column {
    std::string name;
    std::string type;        ///< as Dialect::keeps takes it
    std::string shown_type;  ///< in messages
    bool not_null = false;
    bool has_default = false;
    bool generated = false;  ///< takes no value from an INSERT
  };
  std::vector<Column> columns;
  std::vector<etl::Strings> unique_keys;  ///< those that an upsert can name
  etl::Strings faults = {};               ///< further reasons against it, of this database
};

/// Throws Error (config, about `option`) with every reason why the table does not fit: a column
/// that is missing, generated or would convert its values, a NOT NULL column that nothing fills, no
/// unique key on exactly the key, and the database's own faults.
///
/// Columns that only the table has are fine if they may be NULL or have a default. NOT NULL on a
/// column that may carry nulls is fine too: the rows decide.
void require_fit(const TableDefinition& wanted, const ExistingTable& existing,
                 std::string_view option);

}  // namespace sql
