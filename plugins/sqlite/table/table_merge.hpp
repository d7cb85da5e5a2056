/// \file
/// TableMerge: copies partitions from one database into another.
#pragma once

#include "plugins/common/sql/ledger_table.hpp"
#include "plugins/common/sql/table_definition.hpp"
#include "plugins/sqlite/database/database.hpp"

#include <etl/ledger.hpp>

#include <cstdint>
#include <string>

namespace sqlite {

/// Copies the rows and ledger records of partitions from the attached database `task`. Runs in the
/// caller's transaction, on its thread.
///
/// Copies the whole table if it holds nothing else, otherwise the rows with the partitions' scopes.
/// Throws Error: conflict if one of the partitions is already done here; permanent if their rows
/// cannot be identified.
class TableMerge {
 public:
  /// The schema name under which the other database is attached.
  static constexpr const char* attached = "task";

  /// `from` is the path of the attached database.
  TableMerge(Database& database, sql::TableDefinition table, std::string from);

  /// Returns the number of rows copied.
  std::int64_t run(const etl::MergeRequest& request);

 private:
  struct ColumnScopes;

  std::int64_t copy_record(const etl::MergeRequest& request, const etl::MergeRequest::Part& part);
  [[nodiscard]] bool holds_nothing_else(const etl::MergeRequest& request, std::int64_t with_rows,
                                        std::int64_t rows_written);
  void stage(const ColumnScopes& scopes);
  void require_counts(const ColumnScopes& scopes);
  std::int64_t copy(const std::string& where);
  [[nodiscard]] std::int64_t count(const std::string& sql);
  [[noreturn]] void refuse(const std::string& partition, const std::string& why) const;

  Database& database_;
  sql::TableDefinition table_;
  sql::LedgerTable ledger_, from_ledger_;
  std::string from_;
};

}  // namespace sqlite
