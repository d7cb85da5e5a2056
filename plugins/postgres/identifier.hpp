/// \file
/// Names of tables and columns. Pure functions, for any thread.
#pragma once

#include "plugins/common/sql/table_definition.hpp"

#include <string>
#include <string_view>

namespace postgres {

using sql::quoted;

/// Why PostgreSQL does not take `name` unchanged (it truncates longer names without an error); empty
/// if it does.
[[nodiscard]] std::string fault_of_name(std::string_view name);

/// The name of a table. Without a schema, the server's search_path decides.
struct TableName {
  std::string schema;
  std::string table;

  /// For statements: every part quoted.
  [[nodiscard]] std::string sql() const;
  /// For messages: parts are quoted only if they must be.
  [[nodiscard]] std::string shown() const;
  bool operator==(const TableName&) const = default;
};

/// Reads `table` or `schema.table`. Letters keep their case. A part may be in double quotes, inside
/// which a quote is doubled: `public."v1.0"`. Throws Error (config, about "table").
[[nodiscard]] TableName parse_table_name(std::string_view text);

}  // namespace postgres
