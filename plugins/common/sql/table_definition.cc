#include "plugins/common/sql/table_definition.hpp"

#include <etl/error.hpp>

#include <algorithm>

namespace sql {

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (const char byte : name) {
    if (byte == '"') text += '"';
    text += byte;
  }
  return text += '"';
}

std::string column_list(const etl::Strings& columns) {
  std::string list;
  for (const std::string& column : columns) list += (list.empty() ? "" : ", ") + quoted(column);
  return list;
}

std::string column_list(const etl::Schema& columns) {
  etl::Strings names;
  for (const etl::Field& field : columns) names.push_back(field.name);
  return column_list(names);
}

std::string TableDefinition::sql_name() const { return quoted(schema) + "." + quoted(table); }

bool TableDefinition::has_key_column(std::string_view name) const {
  return std::ranges::find(key, name) != key.end();
}

std::string TableDefinition::create_sql() const {
  std::string sql = "CREATE TABLE ";
  sql += schema == dialect->default_schema ? quoted(table) : sql_name();
  const char* separator = " (\n  ";
  for (const etl::Field& field : columns) {
    sql += separator + quoted(field.name) + " " + std::string(dialect->type(field.type));
    if (!field.nullable || has_key_column(field.name)) sql += " NOT NULL";
    separator = ",\n  ";
  }
  if (!key.empty()) sql += separator + ("PRIMARY KEY (" + column_list(key) + ")");
  return sql += "\n)" + std::string(dialect->table_suffix(*this));
}

std::string TableDefinition::select_list() const {
  std::string list;
  for (const etl::Field& field : columns) {
    const std::string name = quoted(field.name);
    list += (list.empty() ? "" : ", ") +
            (etl::is_timestamp(field.type) ? dialect->time_text(name) : name);
  }
  return list;
}

std::string TableDefinition::insert_sql(std::size_t rows) const {
  std::string sql = "INSERT INTO " + sql_name() + " (" + column_list(columns) + ") VALUES ";
  for (std::size_t value = 0; value < rows * columns.size(); ++value) {
    const bool starts_row = value % columns.size() == 0;
    sql += value == 0 ? "(" : starts_row ? "), (" : ", ";
    sql += dialect->placeholder(value + 1);
  }
  return sql += ")";
}

std::string on_conflict(const TableDefinition& table, std::string_view condition) {
  std::string updates;
  for (const etl::Field& field : table.columns) {
    if (table.has_key_column(field.name)) continue;
    const std::string name = quoted(field.name);
    updates.append(updates.empty() ? "" : ", ").append(name).append(" = excluded.").append(name);
  }
  std::string sql = " ON CONFLICT (" + column_list(table.key) + ") DO ";
  if (updates.empty()) return sql += "NOTHING";
  sql += "UPDATE SET " + updates;
  return condition.empty() ? sql : sql.append(" WHERE ").append(condition);
}

void check_key(bool upsert, const etl::Strings& key) {
  const auto refuse = [](const std::string& why) { throw etl::Error::config(why).about("key"); };
  if (upsert && key.empty()) refuse("mode = \"upsert\" needs key, the columns that identify a row");
  if (!upsert && !key.empty()) {
    refuse("key is for mode = \"upsert\"; mode = \"append\" replaces no rows");
  }
  for (auto column = key.begin(); column != key.end(); ++column) {
    if (std::find(key.begin(), column, *column) != column) {
      refuse("column \"" + *column + "\" is named twice");
    }
  }
}

void check_key_columns(const etl::Strings& key, const etl::Schema& columns) {
  for (const std::string& column : key) {
    if (columns.find(column)) continue;
    throw etl::Error::config("no column \"" + column + "\"; available: " + columns.names())
        .about("key");
  }
}

}  // namespace sql
