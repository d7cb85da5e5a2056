#include "table_fit.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <vector>

namespace sqlite {
namespace {

/// What SQLite makes of a declared type
/// (https://www.sqlite.org/datatype3.html#determination_of_column_affinity), with the type that
/// nobody declared apart.
enum class Affinity { none, integer, real, text, blob, numeric };

Affinity affinity_of(std::string_view declared) {
  std::string upper(declared);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  const auto has = [&](std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(),
                       [&](auto word) { return upper.find(word) != std::string::npos; });
  };
  if (upper.empty()) return Affinity::none;
  if (has({"INT"})) return Affinity::integer;
  if (has({"CHAR", "CLOB", "TEXT"})) return Affinity::text;
  if (has({"BLOB"})) return Affinity::blob;
  if (has({"REAL", "FLOA", "DOUB"})) return Affinity::real;
  return Affinity::numeric;
}

/// Whether every value of `storage` comes back as it was written. Numeric affinity (BOOLEAN,
/// DATETIME, DECIMAL) leaves integers alone, and texts that are no numbers, as times are; but it
/// makes 1 of 1.0.
bool keeps_values(Affinity affinity, Storage storage) {
  if (affinity == Affinity::none) return true;
  switch (storage) {
    case Storage::integer:
      return affinity == Affinity::integer || affinity == Affinity::numeric;
    case Storage::real:
      return affinity == Affinity::real;
    case Storage::text:
      return affinity == Affinity::text;
    case Storage::blob:
      return affinity == Affinity::blob;
    case Storage::time:
      break;
  }
  return affinity == Affinity::text || affinity == Affinity::numeric;
}

struct ExistingColumn {
  std::string name, type;
  bool not_null, has_default, in_primary_key, generated;
};

struct ExistingIndex {
  std::string name;
  bool of_primary_key;
  std::vector<std::string> columns;  ///< an expression has an empty name
};

/// The table as it is.
struct ExistingTable {
  std::vector<ExistingColumn> columns;
  std::vector<ExistingIndex> unique_indexes;

  [[nodiscard]] const ExistingColumn* find(std::string_view name) const {
    const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& column) {
      return same_name(column.name, name);
    });
    return found == columns.end() ? nullptr : &*found;
  }

  /// The column that is another name for the row's number, and so is filled when nobody else does.
  /// It is the one kind of primary key that needs no index.
  [[nodiscard]] const ExistingColumn* row_number() const {
    const auto is_key = [](const auto& column) { return column.in_primary_key; };
    if (std::count_if(columns.begin(), columns.end(), is_key) != 1) return nullptr;
    for (const ExistingIndex& index : unique_indexes) {
      if (index.of_primary_key) return nullptr;
    }
    const auto key = std::find_if(columns.begin(), columns.end(), is_key);
    return same_name(key->type, "INTEGER") ? &*key : nullptr;
  }
};

ExistingTable read_table(Database& database, const std::string& table) {
  const std::string doing = "looking at table \"" + table + "\"";
  ExistingTable existing;
  Statement columns(database,
                    "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden"
                    " FROM pragma_table_xinfo(?1, 'main')",
                    doing);
  columns.bind(table);
  while (columns.step()) {
    existing.columns.push_back({std::string(columns.text(0)), std::string(columns.text(1)),
                                columns.integer(2) != 0, columns.integer(3) != 0,
                                columns.integer(4) != 0, columns.integer(5) != 0});
  }
  Statement indexes(
      database,
      "SELECT list.name, list.origin = 'pk', info.name"
      " FROM pragma_index_list(?1, 'main') AS list, pragma_index_info(list.name, 'main') AS info"
      " WHERE list.\"unique\" AND NOT list.partial ORDER BY list.seq, info.seqno",
      doing);
  indexes.bind(table);
  while (indexes.step()) {
    std::vector<ExistingIndex>& found = existing.unique_indexes;
    if (found.empty() || found.back().name != indexes.text(0)) {
      found.push_back({std::string(indexes.text(0)), indexes.integer(1) != 0, {}});
    }
    found.back().columns.emplace_back(indexes.text(2));
  }
  return existing;
}

bool same_columns(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::is_permutation(a.begin(), a.end(), b.begin(), b.end(),
                             [](const auto& x, const auto& y) { return same_name(x, y); });
}

bool key_is_unique(const ExistingTable& existing, const std::vector<std::string>& key) {
  const ExistingColumn* row_number = existing.row_number();
  if (row_number != nullptr && same_columns({row_number->name}, key)) return true;
  return std::any_of(existing.unique_indexes.begin(), existing.unique_indexes.end(),
                     [&](const auto& index) { return same_columns(index.columns, key); });
}

std::string named_list(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "\"" : ", \"") + name + "\"";
  return list;
}

std::vector<std::string> misfits(const ExistingTable& existing, const TableDefinition& definition) {
  std::vector<std::string> reasons;
  for (const ColumnDefinition& column : definition.columns) {
    const std::string wanted = std::string(declared_type(column.storage)) +
                               (column.holds.empty() ? "" : " for " + column.holds);
    const ExistingColumn* found = existing.find(column.name);
    if (found == nullptr) {
      reasons.push_back("column \"" + column.name + "\" is missing (needed: " + wanted + ")");
    } else if (found->generated) {
      reasons.push_back("column \"" + column.name + "\" is generated (needed: " + wanted + ")");
    } else if (!keeps_values(affinity_of(found->type), column.storage)) {
      reasons.push_back("column \"" + column.name + "\" is " + found->type + " (needed: " + wanted +
                        ")");
    }
  }
  for (const ExistingColumn& column : existing.columns) {
    const bool filled =
        std::any_of(definition.columns.begin(), definition.columns.end(),
                    [&](const auto& ours) { return same_name(ours.name, column.name); });
    if (filled || !column.not_null || column.has_default || column.generated) continue;
    if (existing.row_number() == &column) continue;
    reasons.push_back("column \"" + column.name + "\" is " +
                      (column.type.empty() ? "" : column.type + " ") +
                      "NOT NULL without a default, and nothing fills it");
  }
  if (!definition.key.empty() && !key_is_unique(existing, definition.key)) {
    reasons.push_back("there is no PRIMARY KEY or UNIQUE index on exactly the key (" +
                      named_list(definition.key) + ")");
  }
  return reasons;
}

}  // namespace

bool exists_and_fits(Database& database, const TableDefinition& definition,
                     std::string_view option) {
  const std::string object = "\"" + definition.table + "\" in " + database.path();
  Statement lookup(database,
                   "SELECT type, rootpage FROM main.sqlite_master"
                   " WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view', 'index')",
                   "looking for table \"" + definition.table + "\"");
  if (!lookup.bind(definition.table).step()) return false;
  const std::string kind(lookup.text(0));
  if (kind != "table") {
    throw etl::Error::config(object + " is " + (kind == "index" ? "an index" : "a view") +
                             ", not a table")
        .about(option);
  }
  if (lookup.integer(1) == 0) {  // a table that has no page of its own
    throw etl::Error::config(object + " is a virtual table, which cannot be loaded").about(option);
  }
  std::string list;
  for (const std::string& reason : misfits(read_table(database, definition.table), definition)) {
    list += (list.empty() ? "" : "; ") + reason;
  }
  if (!list.empty())
    throw etl::Error::config("table " + object + " does not fit: " + list).about(option);
  return true;
}

}  // namespace sqlite
