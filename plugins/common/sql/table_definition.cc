#include "plugins/common/sql/table_definition.hpp"

#include <algorithm>
#include <utility>

namespace sql {

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (const char byte : name) {
    if (byte == '"') text += '"';
    text += byte;
  }
  return text += '"';
}

std::string column_list(const etl::Strings& columns) { return joined(columns, quoted); }

std::string column_list(const etl::Schema& columns) {
  return joined(columns, [](const etl::Field& field) { return quoted(field.name); });
}

std::string TableDefinition::sql_name() const { return quoted(schema) + "." + quoted(table); }

bool TableDefinition::has_key_column(std::string_view name) const {
  return std::ranges::find(key, name) != key.end();
}

bool TableDefinition::needs_value(std::string_view name) const {
  return has_key_column(name) || std::ranges::find(rules.order, name) != rules.order.end();
}

std::string TableDefinition::create_sql() const {
  std::string sql = "CREATE TABLE ";
  sql += schema == dialect->default_schema ? quoted(table) : sql_name();
  const char* separator = " (\n  ";
  for (const etl::Field& field : columns) {
    sql += separator + quoted(field.name) + " " + std::string(dialect->type(field.type));
    if (!field.nullable || needs_value(field.name)) sql += " NOT NULL";
    separator = ",\n  ";
  }
  if (!key.empty()) sql += separator + ("PRIMARY KEY (" + column_list(key) + ")");
  return sql += "\n)" + std::string(dialect->table_suffix(*this));
}

std::string TableDefinition::select_list() const {
  return joined(columns, [this](const etl::Field& field) {
    const std::string name = quoted(field.name);
    return etl::is_timestamp(field.type) ? dialect->time_text(name) : name;
  });
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

namespace {

std::string stored(std::string_view column) {
  return std::string(existing_row) + "." + quoted(column);
}

std::string sent(std::string_view column) { return "excluded." + quoted(column); }

/// Whether the row sent is not older than the existing one, which may have no value to compare.
std::string is_not_older(const etl::Strings& order) {
  const std::string left = joined(order, sent);
  const std::string right = joined(order, stored);
  return order.size() == 1 ? "(" + left + " >= " + right + ") IS NOT FALSE"
                           : "((" + left + ") >= (" + right + ")) IS NOT FALSE";
}

/// The new value of a column in the existing row; empty if it keeps the old one. `replaces` is the
/// condition under which the row is replaced; empty = always.
std::string combined(const TableDefinition& table, const std::string& column,
                     const std::string& replaces) {
  const std::string_view how = table.rules.of(column);
  const std::string before = stored(column);
  const std::string now = sent(column);
  const auto choose = [&](const std::string& condition) {
    return "CASE WHEN " + condition + " THEN " + now + " ELSE " + before + " END";
  };
  if (how == "first") return {};
  if (how == "sum")
    return "coalesce(" + table.dialect->sum(before, now) + ", " + before + ", " + now + ")";
  if (how == "count") return "coalesce(" + before + ", 0) + " + now;
  if (how == "min") return choose(before + " IS NULL OR " + now + " < " + before);
  if (how == "max") return choose(before + " IS NULL OR " + now + " > " + before);
  return replaces.empty() ? now : choose(replaces);
}

}  // namespace

std::string on_conflict(const TableDefinition& table, std::string_view condition) {
  std::string where(condition);
  std::string replaces = table.rules.order.empty() ? "" : is_not_older(table.rules.order);
  // If no column takes anything from an older row, it need not be written.
  if (!replaces.empty() && !table.rules.mixes_partitions()) where = std::exchange(replaces, "");
  std::string updates;
  for (const etl::Field& field : table.columns) {
    if (table.has_key_column(field.name)) continue;
    const std::string value = combined(table, field.name, replaces);
    if (value.empty()) continue;
    updates.append(updates.empty() ? "" : ", ").append(quoted(field.name)).append(" = " + value);
  }
  std::string sql = " ON CONFLICT (" + column_list(table.key) + ") DO ";
  if (updates.empty()) return sql += "NOTHING";
  sql += "UPDATE SET " + updates;
  return where.empty() ? sql : sql.append(" WHERE ").append(where);
}

}  // namespace sql
