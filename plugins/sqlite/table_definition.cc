#include "table_definition.hpp"

#include "database.hpp"

#include <algorithm>

namespace sqlite {
namespace {

using etl::Error;

Storage storage_of(etl::Type type, Timestamps timestamps) {
  switch (type) {
    case etl::Type::boolean:
    case etl::Type::int32:
    case etl::Type::int64:
      return Storage::integer;
    case etl::Type::float64:
      return Storage::real;
    case etl::Type::utf8:
    case etl::Type::utf8_view:
      return Storage::text;
    case etl::Type::binary:
      return Storage::blob;
    case etl::Type::timestamp_s:
    case etl::Type::timestamp_us:
      break;
  }
  return timestamps == Timestamps::text ? Storage::time : Storage::integer;
}

/// `"a", "b"` as SQL.
std::string quoted_list(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + quoted(name);
  return list;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const auto& other) { return same_name(other, name); });
}

void check_table_name(const std::string& table) {
  const auto refuse = [](const std::string& why) { throw Error::config(why).about("table"); };
  if (table.empty()) refuse("the table needs a name");
  if (table.find('\0') != std::string::npos) refuse("the table's name has a NUL character in it");
  if (same_name(table.substr(0, 7), "sqlite_")) {
    refuse("\"" + table + "\": names that begin with \"sqlite_\" are SQLite's own");
  }
  if (same_name(table, "etl_ledger")) refuse("\"" + table + "\" is the table of the ledger");
}

void check_columns(const etl::Schema& schema) {
  if (schema.size() == 0)
    throw Error::config("a table needs at least one column, and there is none");
  for (std::size_t i = 0; i < schema.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!same_name(schema[i].name, schema[j].name)) continue;
      throw Error::config(
          "columns \"" + schema[j].name + "\" and \"" + schema[i].name +
          "\" have the same name for SQLite, which ignores the case of ASCII letters");
    }
  }
}

void check_key(const TableOptions& options, const etl::Schema& schema) {
  const auto refuse = [](const std::string& why) { throw Error::config(why).about("key"); };
  if (!options.upsert) {
    if (!options.key.empty())
      refuse("key is for mode = \"upsert\"; mode = \"append\" replaces no rows");
    return;
  }
  if (options.key.empty()) refuse("mode = \"upsert\" needs key, the columns that tell rows apart");
  for (auto name = options.key.begin(); name != options.key.end(); ++name) {
    if (!schema.find(*name)) {
      refuse("there is no column \"" + *name + "\"; there are " + schema.names());
    }
    if (std::find(options.key.begin(), name, *name) != name) {
      refuse("column \"" + *name + "\" is named twice");
    }
  }
}

/// An integer key of one column is the row's number itself. Any other key would be stored twice, in
/// the table and in its index, were the table not ordered by the key (WITHOUT ROWID).
bool ordered_by_key(const TableDefinition& definition) {
  if (definition.key.empty()) return false;
  if (definition.key.size() > 1) return true;
  const auto column =
      std::find_if(definition.columns.begin(), definition.columns.end(),
                   [&](const auto& other) { return other.name == definition.key[0]; });
  return column->storage != Storage::integer;
}

}  // namespace

std::string_view declared_type(Storage storage) {
  switch (storage) {
    case Storage::integer:
      return "INTEGER";
    case Storage::real:
      return "REAL";
    case Storage::blob:
      return "BLOB";
    case Storage::text:
    case Storage::time:
      break;
  }
  return "TEXT";
}

std::string TableDefinition::create_sql() const {
  std::string sql = "CREATE TABLE " + quoted(table) + " (";
  const char* separator = "\n  ";
  for (const ColumnDefinition& column : columns) {
    sql += separator + quoted(column.name) + " " + std::string(declared_type(column.storage));
    if (column.not_null) sql += " NOT NULL";
    separator = ",\n  ";
  }
  if (!key.empty()) sql += separator + ("PRIMARY KEY (" + quoted_list(key) + ")");
  return sql + (ordered_by_key(*this) ? "\n) WITHOUT ROWID" : "\n)");
}

std::string TableDefinition::insert_sql(std::string_view from) const {
  std::string names, values, updates;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string name = quoted(columns[i].name);
    names += (i == 0 ? "" : ", ") + name;
    values += (i == 0 ? "c" : ", c") + std::to_string(i);
    if (!contains(key, columns[i].name)) {
      if (!updates.empty()) updates += ", ";
      updates.append(name).append(" = excluded.").append(name);
    }
  }
  // The alias keeps a table that is called "excluded" apart from the row that was not inserted.
  std::string sql = "INSERT INTO main." + quoted(table) + " AS target (" + names + ") SELECT " +
                    values + " FROM " + std::string(from);
  if (key.empty()) return sql;
  // Without WHERE the parser would take ON for the start of a join's condition.
  sql += " WHERE true ON CONFLICT (" + quoted_list(key) + ") DO ";
  return sql + (updates.empty() ? "NOTHING" : "UPDATE SET " + updates);
}

TableDefinition define_table(const TableOptions& options, const etl::Schema& schema) {
  check_table_name(options.table);
  check_columns(schema);
  check_key(options, schema);
  TableDefinition definition{options.table, {}, options.key};
  for (const etl::Field& field : schema) {
    // Rows without a key cannot be told apart, so NULL is refused there whatever the stream allows.
    const bool not_null = !field.nullable || contains(options.key, field.name);
    definition.columns.push_back({field.name, storage_of(field.type, options.timestamps), not_null,
                                  std::string(etl::type_name(field.type))});
  }
  return definition;
}

}  // namespace sqlite
