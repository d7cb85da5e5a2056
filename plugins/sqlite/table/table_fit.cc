#include "plugins/sqlite/table/table_fit.hpp"

#include "plugins/common/sql/table_fit.hpp"
#include "plugins/sqlite/table/dialect.hpp"
#include "plugins/sqlite/table/triggers.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace sqlite {
namespace {

/// A column of a unique index, as the index compares it.
struct IndexColumn {
  std::string name;  ///< empty for an expression
  std::string collation;
};
using UniqueIndex = std::vector<IndexColumn>;

/// A table as SQLite describes it.
struct FoundTable {
  std::vector<sql::ExistingTable::Column> columns;
  std::vector<UniqueIndex> indexes;
  etl::Strings primary_key;
  bool primary_key_has_index = false;

  /// A primary key without an index that is one INTEGER column is the rowid: SQLite fills it and
  /// keeps it unique. nullptr if there is no such column.
  [[nodiscard]] sql::ExistingTable::Column* rowid() {
    if (primary_key_has_index || primary_key.size() != 1) return nullptr;
    const auto column =
        std::ranges::find(columns, primary_key[0], &sql::ExistingTable::Column::name);
    return same_name(column->type, "INTEGER") ? &*column : nullptr;
  }
};

void read_columns(Database& database, const std::string& table, FoundTable& found) {
  Statement columns(database,
                    "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden"
                    " FROM pragma_table_xinfo(?1, 'main')",
                    "looking at table \"" + table + "\"");
  columns.bind(table);
  while (columns.step()) {
    const std::string type(columns.text(1));
    found.columns.push_back({std::string(columns.text(0)), type, type, columns.integer(2) != 0,
                             columns.integer(3) != 0, columns.integer(5) != 0});
    if (columns.integer(4) != 0) found.primary_key.emplace_back(columns.text(0));
  }
}

void read_unique_indexes(Database& database, const std::string& table, FoundTable& found) {
  Statement indexes(
      database,
      "SELECT list.name, list.origin = 'pk', info.name, info.coll"
      " FROM pragma_index_list(?1, 'main') AS list, pragma_index_xinfo(list.name, 'main') AS info"
      " WHERE list.\"unique\" AND NOT list.partial AND info.key ORDER BY list.seq, info.seqno",
      "looking at table \"" + table + "\"");
  indexes.bind(table);
  for (std::string last; indexes.step(); last = indexes.text(0)) {
    if (last != indexes.text(0)) found.indexes.emplace_back();
    found.indexes.back().push_back({std::string(indexes.text(2)), std::string(indexes.text(3))});
    if (indexes.integer(1) != 0) found.primary_key_has_index = true;
  }
}

FoundTable read_table(Database& database, const std::string& table) {
  FoundTable found;
  read_columns(database, table, found);
  read_unique_indexes(database, table, found);
  return found;
}

etl::Strings names_of(const UniqueIndex& index) {
  etl::Strings names;
  for (const IndexColumn& column : index) names.push_back(column.name);
  return names;
}

sql::ExistingTable as_existing(FoundTable found) {
  sql::ExistingTable table;
  for (const UniqueIndex& index : found.indexes) table.unique_keys.push_back(names_of(index));
  if (auto* const rowid = found.rowid()) {
    rowid->has_default = true;
    table.unique_keys.push_back(found.primary_key);
  }
  table.columns = std::move(found.columns);
  return table;
}

/// Why an upsert would take two keys for one; empty if it does not.
std::string folded_key(const sql::TableDefinition& wanted, const FoundTable& found) {
  for (const UniqueIndex& index : found.indexes) {
    if (!std::ranges::is_permutation(names_of(index), wanted.key, same_name)) continue;
    for (const IndexColumn& column : index) {
      const auto field = std::ranges::find_if(wanted.columns, [&](const etl::Field& each) {
        return same_name(each.name, column.name);
      });
      if (field == wanted.columns.end() || !etl::is_text(field->type)) continue;
      if (same_name(column.collation, "BINARY")) continue;
      return "the unique index on the key compares column \"" + column.name + "\" with COLLATE " +
             column.collation + ", under which different keys are equal";
    }
  }
  return {};
}

/// Why rows would not stay as they were sent, whichever rows they are; empty if they do.
std::string interference(Database& database, const sql::TableDefinition& table,
                         const FoundTable& found) {
  if (std::string folded = folded_key(table, found); !folded.empty()) return folded;
  try {
    return harmful_triggers(database, table, Rows::inserted);
  } catch (const etl::Error& error) {
    if (error.code() != etl::Code::permanent) throw;
    return error.message();
  }
}

}  // namespace

bool exists_and_fits(Database& database, const sql::TableDefinition& definition,
                     std::string_view option) {
  Statement lookup(database,
                   "SELECT type, rootpage FROM main.sqlite_master"
                   " WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view', 'index')",
                   "looking for table \"" + definition.table + "\"");
  if (!lookup.bind(definition.table).step()) return false;
  const std::string_view kind = lookup.text(0);
  const auto refuse = [&](const std::string& what) {
    throw etl::Error::config(definition.shown + " is " + what).about(option);
  };
  if (kind != "table") refuse(kind == "index" ? "an index, not a table" : "a view, not a table");
  if (lookup.integer(1) == 0) refuse("a virtual table, which cannot be loaded");  // has no page
  const FoundTable found = read_table(database, definition.table);
  sql::require_fit(definition, as_existing(found), option);
  if (const std::string why = interference(database, definition, found); !why.empty()) {
    throw etl::Error::config("table " + definition.shown +
                             " would not keep its rows as they are loaded: " + why)
        .about(option);
  }
  return true;
}

bool is_empty(Database& database, const std::string& table) {
  const std::string doing = "looking for rows in table \"" + table + "\"";
  Statement lookup(
      database,
      "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE", doing);
  if (!lookup.bind(table).step()) return false;
  Statement rows(database, "SELECT 1 FROM main." + sql::quoted(table) + " LIMIT 1", doing);
  return !rows.step();
}

std::optional<std::string> rowid_column(Database& database, const std::string& table) {
  FoundTable found = read_table(database, table);
  const auto* const rowid = found.rowid();
  return rowid == nullptr ? std::nullopt : std::optional(rowid->name);
}

bool has_conflict_clause(Database& database, const std::string& table) {
  Statement definition(database,
                       "SELECT instr(upper(sql), 'CONFLICT') FROM main.sqlite_master"
                       " WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
                       "looking at table \"" + table + "\"");
  return definition.bind(table).step() && definition.integer(0) != 0;
}

}  // namespace sqlite
