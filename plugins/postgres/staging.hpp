/// \file
/// Staging: the rows of a partition on their way into a table that COPY must not write to.
#pragma once

#include "plugins/common/sql/table_definition.hpp"
#include "plugins/postgres/connection/connection.hpp"

#include <string>

namespace postgres {

/// A temporary table with the columns of `table` and the number of each row. Needed for an upsert,
/// which COPY cannot do, and where triggers may drop or change rows, which must be noticed.
///
/// Borrows connection and table. Its table is dropped at the end of the transaction.
class Staging {
 public:
  /// `triggers`: see ServerTable.
  Staging(Connection& connection, const sql::TableDefinition& table, std::string triggers);

  /// The temporary table with its columns, for COPY. The row's number is the last one, a bigint.
  [[nodiscard]] std::string copy_target() const;
  /// Moves the rows into the table. Throws Error (permanent) if triggers have dropped or changed
  /// some of them.
  void move_rows();

 private:
  [[nodiscard]] std::string merged_value(const etl::Field& field) const;
  [[nodiscard]] std::string merged_rows() const;
  void merge();
  void add();
  void run_deferred_triggers();
  [[nodiscard]] std::int64_t count(const std::string& rows);
  void require_merged();
  void require_added();
  void require_none_lacking(std::int64_t lacking, std::int64_t sent) const;

  Connection& connection_;
  const sql::TableDefinition& table_;
  std::string triggers_;
  std::string ordinal_;  // the temporary table's extra column
};

}  // namespace postgres
