/// \file
/// The table that a sink writes to, as the batch schema and the options want it: its SQL.
#pragma once

#include <etl/options.hpp>
#include <etl/schema.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sqlite {

enum class Timestamps { text, unix };

/// The options that shape the table.
struct TableOptions {
  std::string table;
  bool upsert = false;
  etl::Strings key;  ///< empty unless upsert
  Timestamps timestamps = Timestamps::text;
};

/// How a column's values are stored. SQLite itself types values, not columns; a column's declared
/// type only says what it would like to convert them to (its affinity,
/// https://www.sqlite.org/datatype3.html).
enum class Storage { integer, real, text, blob, time };

/// The type that a column of this storage is declared with.
[[nodiscard]] std::string_view declared_type(Storage storage);

struct ColumnDefinition {
  std::string name;
  Storage storage = Storage::text;
  bool not_null = false;
  std::string holds = {};  ///< the batch column's type, for messages
};

/// A table's name, columns and key. A plain value.
struct TableDefinition {
  std::string table;
  std::vector<ColumnDefinition> columns;
  std::vector<std::string> key;  ///< columns of the primary key; empty = none

  /// CREATE TABLE.
  [[nodiscard]] std::string create_sql() const;
  /// INSERT of all columns from `from`, a table expression that names them c0, c1, ... With a key,
  /// a row whose key is there replaces the values of the row that is there.
  [[nodiscard]] std::string insert_sql(std::string_view from) const;
};

/// What `options` and `schema` make together. Throws Error (config, about the option) when they do
/// not go together: no columns, names that SQLite takes for equal, a key of columns that do not
/// exist, a reserved table name.
[[nodiscard]] TableDefinition define_table(const TableOptions& options, const etl::Schema& schema);

}  // namespace sqlite
