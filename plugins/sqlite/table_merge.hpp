/// \file
/// Partitions copied from one database into another.
#pragma once

#include "database.hpp"
#include "table_definition.hpp"

#include <etl/ledger.hpp>
#include <etl/schema.hpp>

#include <cstdint>
#include <string>

namespace sqlite {

/// Copies the rows and ledger records of partitions out of the attached database `task`. Runs in
/// the transaction of its caller, on its thread.
///
/// Copies the whole table where it holds nothing else, and otherwise the rows that carry the
/// partitions' scopes. Throws Error: conflict when one of them is done here already; permanent when
/// it cannot be said which rows are theirs.
class TableMerge {
 public:
  /// The name that the other database is attached under.
  static constexpr const char* attached = "task";

  TableMerge(Database& database, const TableOptions& options, const etl::Schema& schema,
             std::string from);

  /// The number of rows copied.
  std::int64_t run(const etl::MergeRequest& request);

 private:
  struct Wanted;

  std::int64_t take_record(const etl::MergeRequest& request, const etl::MergeRequest::Part& part);
  [[nodiscard]] bool is_all_there_is(const etl::MergeRequest& request, std::int64_t with_rows,
                                     std::int64_t rows_written);
  void stage(const Wanted& wanted);
  void require_counts(const Wanted& wanted);
  std::int64_t copy(const std::string& where);
  [[nodiscard]] std::int64_t count(const std::string& sql);
  [[noreturn]] void refuse(const std::string& partition, const std::string& why) const;

  Database& database_;
  const TableOptions& options_;
  const etl::Schema& schema_;
  TableDefinition definition_;
  std::string from_;
};

}  // namespace sqlite
