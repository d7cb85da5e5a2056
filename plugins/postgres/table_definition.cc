#include "table_definition.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <vector>

namespace postgres {
namespace {

constexpr std::string_view sql_type(etl::Type type) {
  switch (type) {
    case etl::Type::boolean:
      return "boolean";
    case etl::Type::int32:
      return "integer";
    case etl::Type::int64:
      return "bigint";
    case etl::Type::float64:
      return "double precision";
    case etl::Type::utf8:
    case etl::Type::utf8_view:
      return "text";
    case etl::Type::binary:
      return "bytea";
    case etl::Type::timestamp_s:
    case etl::Type::timestamp_us:
      return "timestamp with time zone";
  }
  return "text";
}

// A binary COPY converts nothing: only types with the same binary form will do.
bool takes(std::string_view server_type, etl::Type type) {
  if (etl::is_text(type)) return server_type == "text" || server_type == "character varying";
  return server_type == sql_type(type);
}

// A column as the server has it.
struct ServerColumn {
  std::string name;
  std::string type;       // without length: "character varying"
  std::string full_type;  // for messages: "character varying(20)"
  bool not_null;
  bool has_default;
  bool
      computed;  // GENERATED ALWAYS, as identity or from an expression: takes no value from outside
};

std::vector<ServerColumn> server_columns(Connection& connection, const TableName& name) {
  const std::array params = {Param::text(name.sql())};
  const Result result = connection.run("reading the columns of " + name.shown(),
                                       "SELECT attname, format_type(atttypid, NULL),"
                                       " format_type(atttypid, atttypmod), attnotnull::int,"
                                       " (atthasdef OR attidentity <> '')::int,"
                                       " (attgenerated <> '' OR attidentity = 'a')::int"
                                       " FROM pg_catalog.pg_attribute"
                                       " WHERE attrelid = to_regclass($1) AND attnum > 0"
                                       " AND NOT attisdropped ORDER BY attnum",
                                       params);
  std::vector<ServerColumn> columns;
  columns.reserve(static_cast<std::size_t>(result.rows()));
  for (int row = 0; row < result.rows(); ++row) {
    columns.push_back({std::string(result.text(row, 0)), std::string(result.text(row, 1)),
                       std::string(result.text(row, 2)), result.text(row, 3) == "1",
                       result.text(row, 4) == "1", result.text(row, 5) == "1"});
  }
  return columns;
}

// Whether ON CONFLICT (key) has an index to go by: unique, whole, on columns, not deferrable.
bool has_unique(Connection& connection, const TableName& name, const etl::Strings& key) {
  const std::array params = {Param::text(name.sql())};
  const Result result =
      connection.run("reading the indexes of " + name.shown(),
                     "SELECT i.indexrelid, a.attname FROM pg_catalog.pg_index i"
                     " CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)"
                     " JOIN pg_catalog.pg_attribute a"
                     " ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
                     " WHERE i.indrelid = to_regclass($1) AND i.indisunique"
                     " AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL"
                     " AND i.indexprs IS NULL AND k.n <= i.indnkeyatts"
                     " ORDER BY i.indexrelid",
                     params);
  const std::set<std::string_view> wanted(key.begin(), key.end());
  int row = 0;
  while (row < result.rows()) {
    const std::string_view index = result.text(row, 0);
    std::set<std::string_view> columns;
    for (; row < result.rows() && result.text(row, 0) == index; ++row)
      columns.insert(result.text(row, 1));
    if (columns == wanted) return true;
  }
  return false;
}

// What is wrong with the place for one column of the batch; empty if nothing is.
std::string misfit(const etl::Field& field, const ServerColumn* column) {
  const std::string name = "column " + quoted(field.name);
  if (column == nullptr) return name + " (" + std::string(sql_type(field.type)) + ") is missing";
  if (column->computed) return name + " is GENERATED ALWAYS and takes no value";
  if (!takes(column->type, field.type)) {
    return name + " is " + column->full_type + ", not " + std::string(sql_type(field.type));
  }
  return {};
}

[[noreturn]] void refuse(const TableName& name, std::string_view why) {
  throw etl::Error::config("table " + name.shown() + " " + std::string(why)).about("table");
}

}  // namespace

std::string column_list(const etl::Strings& columns) {
  std::string list;
  for (const std::string& column : columns) list += (list.empty() ? "" : ", ") + quoted(column);
  return list;
}

std::string column_list(const etl::Schema& schema) {
  etl::Strings names;
  for (const etl::Field& field : schema) names.push_back(field.name);
  return column_list(names);
}

std::string TableDefinition::ddl() const {
  std::string sql = "CREATE TABLE " + name.sql() + " (";
  std::string_view separator = "\n  ";
  for (const etl::Field& field : schema) {
    sql.append(separator).append(quoted(field.name)).append(" ");
    sql.append(etl::is_timestamp(field.type) ? "timestamptz" : sql_type(field.type));
    if (!field.nullable) sql += " NOT NULL";
    separator = ",\n  ";
  }
  if (!key.empty()) sql += ",\n  PRIMARY KEY (" + column_list(key) + ")";
  return sql += "\n)";
}

bool TableDefinition::exists(Connection& connection) const {
  const std::array params = {Param::text(name.sql())};
  const Result result =
      connection.run("looking for table " + name.shown(),
                     "SELECT relkind FROM pg_catalog.pg_class WHERE oid = to_regclass($1)", params);
  if (result.rows() == 0) return false;
  const std::string_view kind = result.text(0, 0);
  if (kind != "r" && kind != "p") {  // ordinary or partitioned
    refuse(name, "is a view, a foreign table or another thing that is no table of this database");
  }
  return true;
}

void TableDefinition::require_fit(Connection& connection) const {
  const std::vector<ServerColumn> columns = server_columns(connection, name);
  std::string faults;
  const auto add = [&](const std::string& fault) {
    if (!fault.empty()) faults += (faults.empty() ? "" : "; ") + fault;
  };
  for (const etl::Field& field : schema) {
    const auto column = std::ranges::find(columns, field.name, &ServerColumn::name);
    add(misfit(field, column == columns.end() ? nullptr : &*column));
  }
  for (const ServerColumn& column : columns) {
    if (schema.find(column.name) || !column.not_null || column.has_default) continue;
    add("column " + quoted(column.name) + " (" + column.full_type +
        ") is NOT NULL without a default and would get no value");
  }
  if (!key.empty() && faults.empty() && !has_unique(connection, name, key)) {
    add("there is no primary key or unique index on exactly (" + column_list(key) + ")");
  }
  if (!faults.empty()) refuse(name, "does not fit: " + faults);
}

TableName resolve(Connection& connection, const TableName& name) {
  const std::array params = {Param::text(name.schema.empty() ? name.sql() : name.schema)};
  const Result result = connection.run(
      "looking for the schema of table " + name.shown(),
      name.schema.empty() ? "SELECT coalesce((SELECT n.nspname FROM pg_catalog.pg_class c"
                            " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                            " WHERE c.oid = to_regclass($1)), current_schema())"
                          : "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname = $1",
      params);
  if (result.rows() == 0) {
    refuse(name, "cannot be: there is no schema " + quoted(name.schema) + "; create it first");
  }
  if (result.null(0, 0)) refuse(name, "cannot be: no schema of the search_path exists; name one");
  return {std::string(result.text(0, 0)), name.table};
}

}  // namespace postgres
