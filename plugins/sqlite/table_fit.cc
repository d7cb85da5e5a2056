#include "plugins/sqlite/table_fit.hpp"

#include "plugins/common/sql/table_fit.hpp"
#include "plugins/sqlite/dialect.hpp"

#include <algorithm>
#include <string>

namespace sqlite {
namespace {

struct PrimaryKey {
  etl::Strings columns;
  bool has_index = false;
};

/// A primary key without an index that is one INTEGER column is the rowid: SQLite fills it and keeps
/// it unique.
void mark_rowid(sql::ExistingTable& table, const PrimaryKey& key) {
  if (key.has_index || key.columns.size() != 1) return;
  const auto column =
      std::ranges::find(table.columns, key.columns[0], &sql::ExistingTable::Column::name);
  if (!same_name(column->type, "INTEGER")) return;
  column->has_default = true;
  table.unique_keys.push_back(key.columns);
}

sql::ExistingTable read_table(Database& database, const std::string& name) {
  const std::string doing = "looking at table \"" + name + "\"";
  sql::ExistingTable table;
  PrimaryKey key;
  Statement columns(database,
                    "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden"
                    " FROM pragma_table_xinfo(?1, 'main')",
                    doing);
  columns.bind(name);
  while (columns.step()) {
    const std::string type(columns.text(1));
    table.columns.push_back({std::string(columns.text(0)), type, type, columns.integer(2) != 0,
                             columns.integer(3) != 0, columns.integer(5) != 0});
    if (columns.integer(4) != 0) key.columns.emplace_back(columns.text(0));
  }
  Statement indexes(
      database,
      "SELECT list.name, list.origin = 'pk', info.name"
      " FROM pragma_index_list(?1, 'main') AS list, pragma_index_info(list.name, 'main') AS info"
      " WHERE list.\"unique\" AND NOT list.partial ORDER BY list.seq, info.seqno",
      doing);
  indexes.bind(name);
  for (std::string last; indexes.step(); last = indexes.text(0)) {
    if (last != indexes.text(0)) table.unique_keys.emplace_back();
    table.unique_keys.back().emplace_back(indexes.text(2));  // empty for an expression
    if (indexes.integer(1) != 0) key.has_index = true;
  }
  mark_rowid(table, key);
  return table;
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
  sql::require_fit(definition, read_table(database, definition.table), option);
  return true;
}

}  // namespace sqlite
