#include "plugins/sqlite/table/table_definition.hpp"

#include "plugins/common/sql/ledger_table.hpp"
#include "plugins/common/sql/running_table.hpp"

#include <etl/error.hpp>

#include <algorithm>

namespace sqlite {
namespace {

using etl::Error;

void check_table_name(const std::string& table) {
  const auto refuse = [](const std::string& why) { throw Error::config(why).about("table"); };
  if (table.empty()) refuse("the table needs a name");
  if (table.find('\0') != std::string::npos) refuse("the table's name contains a NUL character");
  if (same_name(table.substr(0, 7), "sqlite_")) {
    refuse("\"" + table + "\": names that begin with \"sqlite_\" are SQLite's own");
  }
  if (same_name(table, sql::ledger_name)) refuse("\"" + table + "\" is reserved for the ledger");
}

void check_columns(const etl::Schema& schema) {
  if (schema.size() == 0) throw Error::config("the table needs at least one column");
  for (std::size_t i = 0; i < schema.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!same_name(schema[i].name, schema[j].name)) continue;
      throw Error::config("columns \"" + schema[j].name + "\" and \"" + schema[i].name +
                          "\" have the same name: SQLite ignores the case of ASCII letters");
    }
  }
}

/// The name of a column in table expressions.
std::string value(std::size_t column) { return "c" + std::to_string(column); }

std::string all_of(const sql::TableDefinition& table) {
  std::string list;
  for (std::size_t i = 0; i < table.columns.size(); ++i) list += (i == 0 ? "" : ", ") + value(i);
  return list;
}

/// Whether the row that is there is newer than the one sent, so that it rightly stays.
std::string is_newer(const sql::TableDefinition& table) {
  if (table.rules.order.empty()) return "false";
  const auto stored = [](const std::string& name) { return "target." + sql::quoted(name); };
  const auto sent = [&](const std::string& name) {
    return "sent." + value(table.columns.at(name));
  };
  return "(" + sql::joined(table.rules.order, stored) + ") > (" +
         sql::joined(table.rules.order, sent) + ")";
}

}  // namespace

sql::TableDefinition define_table(const TableOptions& options, const etl::Schema& schema) {
  check_table_name(options.table);
  check_columns(schema);
  sql::check_key(options.upsert, options.key);
  sql::check_key_columns(options.key, schema);
  sql::check_rule_columns(options.rules, schema);
  return {&dialect(options.timestamps),
          "main",
          options.table,
          "\"" + options.table + "\" in " + options.path,
          schema,
          options.key,
          options.rules};
}

sql::TableDefinition define_ledger(const std::string& path, std::string schema) {
  return sql::ledger_definition(dialect(), std::move(schema), "etl_ledger in " + path);
}

sql::TableDefinition define_running(const std::string& path) {
  return sql::running_definition(dialect(), "main", "etl_running in " + path);
}

std::string insert_from(const sql::TableDefinition& table, std::string_view from,
                        Violations violations) {
  // The alias keeps a table called "excluded" apart from the row that was not inserted.
  std::string sql = violations == Violations::fail ? "INSERT OR ABORT INTO " : "INSERT INTO ";
  sql += table.sql_name() + " AS " + std::string(sql::existing_row) + " (" +
         sql::column_list(table.columns) + ") SELECT " + all_of(table) + " FROM " +
         std::string(from);
  if (table.key.empty()) return sql;
  // Without WHERE the parser would take ON for the start of a join's condition.
  return sql += " WHERE true" + table.dialect->upsert(table, "");
}

std::string rows_of_batch(const sql::TableDefinition& table, std::string_view batch) {
  std::string columns;
  bool counts = false;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const bool is_counted = table.rules.of(table.columns[i].name) == "count";
    counts = counts || is_counted;
    columns += (i == 0 ? "" : ", ") + value(i);
    if (is_counted) columns += " IS NOT NULL AS " + value(i);
  }
  return counts ? "(SELECT " + columns + " FROM " + std::string(batch) + ")" : std::string(batch);
}

std::string count_lacking(const sql::TableDefinition& table, std::string_view from) {
  // The key is compared by its index, which tells all keys apart; other columns may have any
  // collation.
  std::string same_key, same_rest = "true";
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const std::string& name = table.columns[i].name;
    if (table.has_key_column(name)) {
      same_key += (same_key.empty() ? "target." : " AND target.") + sql::quoted(name) + " = sent." +
                  value(i);
    } else if (table.rules.of(name) == "last") {
      same_rest += " AND target." + sql::quoted(name) + " IS sent." + value(i) + " COLLATE BINARY";
    }
  }
  return "SELECT count(*) FROM " + std::string(from) + " AS sent WHERE NOT EXISTS (SELECT 1 FROM " +
         table.sql_name() + " AS target WHERE " + same_key + " AND (" + same_rest + " OR " +
         is_newer(table) + "))";
}

std::string last_of_each_key(const sql::TableDefinition& table, std::string_view from) {
  const std::string key = sql::joined(
      table.key, [&](const std::string& name) { return value(table.columns.at(name)); });
  std::string newest_first;
  for (const std::string& name : table.rules.order)
    newest_first += value(table.columns.at(name)) + " DESC, ";
  return "(SELECT * FROM (SELECT " + all_of(table) + ", row_number() OVER (PARTITION BY " + key +
         " ORDER BY " + newest_first + "rowid DESC) AS later FROM " + std::string(from) +
         ") WHERE later = 1)";
}

bool may_skip_rows(const sql::TableDefinition& table) {
  if (!table.rules.order.empty() && !table.rules.mixes_partitions()) return true;
  return std::ranges::all_of(table.columns, [&](const etl::Field& field) {
    return table.has_key_column(field.name) || table.rules.of(field.name) == "first";
  });
}

}  // namespace sqlite
