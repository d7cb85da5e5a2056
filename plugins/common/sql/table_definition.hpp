/// \file
/// A table as a sink needs it, and its SQL.
#pragma once

#include "plugins/common/sql/dialect.hpp"
#include "plugins/common/sql/upsert_rules.hpp"

#include <etl/options.hpp>
#include <etl/schema.hpp>

#include <string>
#include <string_view>

namespace sql {

/// `name` as an SQL identifier, whatever it contains: `a"b` becomes `"a""b"`.
[[nodiscard]] std::string quoted(std::string_view name);
/// What `write` makes of each element, which is never empty: `"a", "b"`.
template <class List, class Write>
[[nodiscard]] std::string joined(const List& list, const Write& write,
                                 std::string_view separator = ", ") {
  std::string text;
  for (const auto& each : list) text.append(text.empty() ? "" : separator).append(write(each));
  return text;
}

/// `"a", "b"`, as SQL and in messages.
[[nodiscard]] std::string column_list(const etl::Strings& columns);
[[nodiscard]] std::string column_list(const etl::Schema& columns);

/// A table's name, columns and key. A plain value.
struct TableDefinition {
  const Dialect* dialect;
  std::string schema;  ///< in the database
  std::string table;
  std::string shown;  ///< its name in messages
  etl::Schema columns;
  etl::Strings key;        ///< columns of the primary key; empty = none
  UpsertRules rules = {};  ///< for rows whose key is there

  /// The name in statements, quoted.
  [[nodiscard]] std::string sql_name() const;
  [[nodiscard]] bool has_key_column(std::string_view name) const;
  /// Whether rows without a value in this column are refused: it belongs to the key or the order.
  [[nodiscard]] bool needs_value(std::string_view name) const;
  /// CREATE TABLE. Columns of the key and of the order are NOT NULL even where the stream may have
  /// nulls: rows without them cannot be told apart, or compared.
  [[nodiscard]] std::string create_sql() const;
  /// The columns for a SELECT, timestamps as text.
  [[nodiscard]] std::string select_list() const;
  /// INSERT of `rows` rows of parameters.
  [[nodiscard]] std::string insert_sql(std::size_t rows) const;
};

/// The alias of the table in an INSERT that ends with on_conflict() and has rules for it.
inline constexpr std::string_view existing_row = "target";

/// Dialect::upsert of databases with ON CONFLICT. The inserted row has for each column the value to
/// combine with the existing one: for "count" a number of rows.
[[nodiscard]] std::string on_conflict(const TableDefinition& table, std::string_view condition);

}  // namespace sql
