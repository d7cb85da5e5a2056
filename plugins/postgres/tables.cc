#include "plugins/postgres/tables.hpp"

#include "plugins/common/sql/ledger_table.hpp"
#include "plugins/common/sql/running_table.hpp"
#include "plugins/common/sql/table_fit.hpp"
#include "plugins/postgres/dialect.hpp"

#include <array>
#include <utility>

namespace postgres {
namespace {

using Params = std::array<sql::Value, 1>;

std::vector<sql::ExistingTable::Column> read_columns(Connection& connection,
                                                     const sql::TableDefinition& table) {
  const Result result = connection.run("reading the columns of " + table.shown,
                                       "SELECT attname, format_type(atttypid, NULL),"
                                       " format_type(atttypid, atttypmod), attnotnull::int,"
                                       " (atthasdef OR attidentity <> '')::int,"
                                       " (attgenerated <> '' OR attidentity = 'a')::int"
                                       " FROM pg_catalog.pg_attribute"
                                       " WHERE attrelid = to_regclass($1) AND attnum > 0"
                                       " AND NOT attisdropped ORDER BY attnum",
                                       Params{table.sql_name()});
  std::vector<sql::ExistingTable::Column> columns;
  columns.reserve(static_cast<std::size_t>(result.rows()));
  for (int row = 0; row < result.rows(); ++row) {
    columns.push_back({std::string(result.text(row, 0)), std::string(result.text(row, 1)),
                       std::string(result.text(row, 2)), result.text(row, 3) == "1",
                       result.text(row, 4) == "1", result.text(row, 5) == "1"});
  }
  return columns;
}

// The indexes that ON CONFLICT can name: unique, not partial, on columns only, not deferrable.
std::vector<etl::Strings> read_unique_keys(Connection& connection,
                                           const sql::TableDefinition& table) {
  const Result result =
      connection.run("reading the indexes of " + table.shown,
                     "SELECT i.indexrelid, a.attname FROM pg_catalog.pg_index i"
                     " CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)"
                     " JOIN pg_catalog.pg_attribute a"
                     " ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
                     " WHERE i.indrelid = to_regclass($1) AND i.indisunique"
                     " AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL"
                     " AND i.indexprs IS NULL AND k.n <= i.indnkeyatts"
                     " ORDER BY i.indexrelid",
                     Params{table.sql_name()});
  std::vector<etl::Strings> keys;
  for (int row = 0; row < result.rows(); ++row) {
    if (row == 0 || result.text(row, 0) != result.text(row - 1, 0)) keys.emplace_back();
    keys.back().emplace_back(result.text(row, 1));
  }
  return keys;
}

[[noreturn]] void refuse(const std::string& table, const std::string& why) {
  throw etl::Error::config("table " + table + " " + why).about("table");
}

}  // namespace

sql::TableDefinition define_table(const TableName& name, const etl::Schema& schema,
                                  const etl::Strings& key) {
  return {&dialect(), name.schema, name.table, name.shown(), schema, key};
}

sql::TableDefinition define_ledger(const std::string& schema) {
  return sql::ledger_definition(dialect(), schema, TableName{schema, "etl_ledger"}.shown());
}

sql::TableDefinition define_running(const std::string& schema) {
  return sql::running_definition(dialect(), schema, TableName{schema, "etl_running"}.shown());
}

bool exists(Connection& connection, const sql::TableDefinition& table) {
  const Result result =
      connection.run("looking for table " + table.shown,
                     "SELECT relkind FROM pg_catalog.pg_class WHERE oid = to_regclass($1)",
                     Params{table.sql_name()});
  if (result.rows() == 0) return false;
  const std::string_view kind = result.text(0, 0);
  if (kind == "r" || kind == "p") return true;  // ordinary or partitioned
  refuse(table.shown,
         "is a view, a foreign table or something else that is not a table of this "
         "database");
}

bool exists_and_fits(Connection& connection, const sql::TableDefinition& table) {
  if (!exists(connection, table)) return false;
  sql::ExistingTable existing{read_columns(connection, table), {}};
  if (!table.key.empty()) existing.unique_keys = read_unique_keys(connection, table);
  sql::require_fit(table, existing, "table");
  return true;
}

TableName resolve(Connection& connection, const TableName& name) {
  const Result result = connection.run(
      "looking for the schema of table " + name.shown(),
      name.schema.empty() ? "SELECT coalesce((SELECT n.nspname FROM pg_catalog.pg_class c"
                            " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                            " WHERE c.oid = to_regclass($1)), current_schema())"
                          : "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname = $1",
      Params{name.schema.empty() ? name.sql() : name.schema});
  if (result.rows() == 0) {
    refuse(name.shown(),
           "cannot exist: there is no schema " + quoted(name.schema) + "; create it first");
  }
  if (result.null(0, 0)) {
    refuse(name.shown(), "cannot exist: no schema of the search_path exists; name one");
  }
  return {std::string(result.text(0, 0)), name.table};
}

}  // namespace postgres
