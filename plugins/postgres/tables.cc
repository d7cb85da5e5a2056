#include "plugins/postgres/tables.hpp"

#include "plugins/common/sql/ledger_table.hpp"
#include "plugins/common/sql/running_table.hpp"
#include "plugins/postgres/dialect.hpp"

#include <array>

namespace postgres {
namespace {

using Params = std::array<sql::Value, 1>;

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
  if (result.text(0, 0).starts_with("pg_temp_")) {
    refuse(name.shown(), "is in the schema of a session's temporary tables; name another");
  }
  return {std::string(result.text(0, 0)), name.table};
}

}  // namespace postgres
