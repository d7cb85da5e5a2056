/// \file
/// PostgresWriter: loads one partition.
#pragma once

#include "plugins/common/sql/ledger_table.hpp"
#include "plugins/common/sql/table_definition.hpp"
#include "plugins/postgres/connection_pool.hpp"
#include "plugins/postgres/copy_encoder.hpp"

#include <etl/batch.hpp>
#include <etl/context.hpp>
#include <etl/ledger.hpp>

#include <string>

namespace postgres {

/// Writes a partition's rows and its ledger record in one transaction on one connection.
///
/// Copies rows into the table; with a key (mode "upsert"), into a temporary table from which commit()
/// merges them. Used by one thread. Rolls back if destroyed without commit().
class PostgresWriter {
 public:
  /// Begins a transaction. Throws Error as sql::make_way() does. `held` accounts for the buffer.
  PostgresWriter(ConnectionPool::Lease lease, sql::TableDefinition target,
                 const etl::WriteRequest& request, etl::HeldMemory held = {});

  void write(const etl::Batch& batch);

  /// Commits rows and record. Throws Error: conflict if another run has committed the partition
  /// meanwhile; transient, saying so, if the outcome is unknown.
  void commit(const etl::LedgerRecord& record);

 private:
  void start_copy();
  void end_copy();
  void merge();
  void send(std::size_t bytes_min);
  [[nodiscard]] bool upserts() const { return !target_.key.empty(); }

  ConnectionPool::Lease lease_;
  sql::TableDefinition target_;
  sql::LedgerTable ledger_;
  sql::Replace replace_ = sql::Replace::all_but_done;
  std::string ordinal_;  // the temporary table's extra column
  std::string doing_;    // in messages
  CopyEncoder encoder_;
  CopyBuffer buffer_;
  etl::HeldMemory held_;
  bool copying_ = false;
};

}  // namespace postgres
