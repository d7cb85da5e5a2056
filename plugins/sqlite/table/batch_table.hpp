/// \file
/// BatchTable: shows an Arrow batch to SQLite as a table.
#pragma once

#include "plugins/common/sql/timestamp_text.hpp"
#include "plugins/sqlite/database/database.hpp"
#include "plugins/sqlite/table/dialect.hpp"

#include <etl/batch.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace sqlite {

/// A virtual table over one batch at a time: `INSERT INTO t SELECT c0, c1 FROM temp.etl_batch`
/// writes a batch with one statement, at about half the cost of one statement per row: no parameters
/// are bound, and SQLite stays in one loop.
///
/// Its columns are c0, c1, ... in the order of the schema. Texts and blobs are not copied. A NaN is
/// an error: SQLite would store NULL.
///
/// Used by the thread of its connection. Statements that use it must be finalized before it is
/// destroyed.
class BatchTable {
 public:
  static constexpr std::string_view sql_name = "temp.etl_batch";

  /// Creates the table in the connection's temporary schema, where it stays; writes to no file.
  BatchTable(Database& database, etl::Schema schema, Timestamps timestamps);
  BatchTable(const BatchTable&) = delete;
  BatchTable& operator=(const BatchTable&) = delete;

  /// Makes the rows of `batch` the table's rows. `batch` must not change until clear().
  /// REQUIRES: the schema given to the constructor.
  void show(const etl::Batch& batch);
  void clear();

  [[nodiscard]] const etl::Schema& schema() const { return schema_; }
  /// The first row of the batch with NULL in this column.
  [[nodiscard]] std::optional<std::size_t> first_null(std::size_t column) const;

 private:
  struct Callbacks;  // of the virtual table

  // Readers pass the values of a column to SQLite. There is one per kind of column, so that a value
  // costs one switch.
  template <class T>
  struct Numbers {
    etl::Column<T> values;
    void give(sqlite3_context* out, std::size_t row) const;
  };
  struct Texts {
    etl::Column<std::string_view> values;
    void give(sqlite3_context* out, std::size_t row) const;
  };
  struct Blobs {
    etl::Column<std::string_view> values;
    void give(sqlite3_context* out, std::size_t row) const;
  };
  struct Times {  // as text, formatted once for a run of equal values
    etl::Column<std::int64_t> values;
    std::int64_t last = 0;
    std::optional<sql::TimestampText> text = sql::timestamp_text(0);
    void give(sqlite3_context* out, std::size_t row);
  };
  using Reader = std::variant<Numbers<bool>, Numbers<std::int32_t>, Numbers<std::int64_t>,
                              Numbers<double>, Texts, Blobs, Times>;

  [[nodiscard]] Reader reader(const etl::Batch& batch, std::size_t column) const;

  etl::Schema schema_;
  Timestamps timestamps_;
  std::vector<Reader> readers_;
  std::size_t rows_ = 0;
};

}  // namespace sqlite
