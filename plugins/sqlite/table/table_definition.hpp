/// \file
/// The table that a sink writes to, as the batch schema and the options define it.
#pragma once

#include "plugins/common/sql/table_definition.hpp"
#include "plugins/sqlite/table/dialect.hpp"

#include <etl/options.hpp>
#include <etl/schema.hpp>

#include <string>
#include <string_view>

namespace sqlite {

/// The options that define the table.
struct TableOptions {
  std::string table;
  bool upsert = false;
  etl::Strings key;  ///< empty unless upsert
  Timestamps timestamps = Timestamps::text;
  std::string path = {};  ///< the database's, for messages
  sql::UpsertRules rules = {};
  bool keeps_existing_rows = false;
};

/// Throws Error (config, about the option) for columns and options that do not go together: no
/// columns, names that SQLite takes for equal, a key of columns that do not exist, a reserved table
/// name.
[[nodiscard]] sql::TableDefinition define_table(const TableOptions& options,
                                                const etl::Schema& schema);

/// The ledger and the running table of the database at `path`; `schema` names an attached one.
[[nodiscard]] sql::TableDefinition define_ledger(const std::string& path,
                                                 std::string schema = "main");
[[nodiscard]] sql::TableDefinition define_running(const std::string& path);

/// What happens to a row that violates a constraint: whatever the constraint's ON CONFLICT clause
/// says, or the statement fails. The latter applies to the statements of triggers as well.
enum class Violations { as_declared, fail };

/// INSERT of all columns from `from`, a table expression that names them c0, c1, ... With a key, a
/// row replaces the values of an existing row that has the same key.
[[nodiscard]] std::string insert_from(const sql::TableDefinition& table, std::string_view from,
                                      Violations violations = Violations::as_declared);

/// SELECT of the number of rows in `from`, which is like that of insert_from(), for which the table
/// has neither the same row nor a newer one. REQUIRES: the table has a key, by which they are
/// looked up. Combined columns are not compared.
[[nodiscard]] std::string count_lacking(const sql::TableDefinition& table, std::string_view from);

/// The row of each key in `from` that replaces the others, as a table expression. REQUIRES: `from`
/// has a rowid.
[[nodiscard]] std::string last_of_each_key(const sql::TableDefinition& table,
                                           std::string_view from);

/// A batch (see BatchTable) as insert_from() takes it: a column that is counted is 1, or 0 for
/// NULL.
[[nodiscard]] std::string rows_of_batch(const sql::TableDefinition& table, std::string_view batch);

/// Whether insert_from() may leave existing rows as they are: newer ones, or all if there is no
/// column to update.
[[nodiscard]] bool may_skip_rows(const sql::TableDefinition& table);

}  // namespace sqlite
