/// \file
/// Names of tables and columns. Pure functions, for any thread.
#pragma once

#include <string>
#include <string_view>

namespace postgres {

/// `name` in double quotes, as SQL takes any name.
[[nodiscard]] std::string quoted(std::string_view name);

/// Why PostgreSQL would not take `name` as it is (it cuts longer names without an error); empty
/// when it would.
[[nodiscard]] std::string fault_of_name(std::string_view name);

/// A table, perhaps in a schema. An empty schema leaves the choice to the server's search_path.
struct TableName {
  std::string schema;
  std::string table;

  /// For statements: every part quoted.
  [[nodiscard]] std::string sql() const;
  /// For people: a part is quoted only where it must be.
  [[nodiscard]] std::string shown() const;
  bool operator==(const TableName&) const = default;
};

/// Reads `table` or `schema.table`. Letters keep their case. A part may be in double quotes, with a
/// quote doubled inside: `public."v1.0"`. Throws Error (config, about "table").
[[nodiscard]] TableName parse_table_name(std::string_view text);

}  // namespace postgres
