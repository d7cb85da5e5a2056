/// \file
/// PostgresWriter: loads one partition.
#pragma once

#include "plugins/common/sql/ledger_table.hpp"
#include "plugins/common/sql/table_definition.hpp"
#include "plugins/postgres/connection/connection_pool.hpp"
#include "plugins/postgres/copy_encoder.hpp"
#include "plugins/postgres/server_table.hpp"
#include "plugins/postgres/staging.hpp"

#include <etl/batch.hpp>
#include <etl/context.hpp>
#include <etl/ledger.hpp>

#include <optional>
#include <string>

namespace postgres {

/// Writes a partition's rows and its ledger record in one transaction on one connection.
///
/// Copies rows into the table, or, where COPY must not write to it, into a temporary table first:
/// see Staging. Used by one thread. Rolls back if destroyed without commit().
class PostgresWriter {
 public:
  /// Begins a transaction, in which nobody can change the table or its triggers. Throws Error as
  /// read_table() and sql::make_way() do. `held` accounts for the buffer.
  PostgresWriter(ConnectionPool::Lease lease, sql::TableDefinition target,
                 const etl::WriteRequest& request, etl::HeldMemory held = {});
  PostgresWriter(const PostgresWriter&) = delete;
  PostgresWriter& operator=(const PostgresWriter&) = delete;
  ~PostgresWriter() = default;

  void write(const etl::Batch& batch);

  /// Commits rows and record. Throws Error: conflict if another run has committed the partition
  /// meanwhile; transient, saying so, if the outcome is unknown.
  void commit(const etl::LedgerRecord& record);

 private:
  void start_copy();
  void end_copy();
  void send(std::size_t bytes_min);
  [[nodiscard]] bool is_staged() const { return !target_.key.empty() || !table_.triggers.empty(); }
  [[nodiscard]] CopyEncoder::Layout layout() const;

  ConnectionPool::Lease lease_;
  const sql::TableDefinition target_;
  const ServerTable table_;
  sql::LedgerTable ledger_;
  sql::Replace replace_;
  std::optional<Staging> staging_;
  std::string doing_;  // in messages
  CopyEncoder encoder_;
  CopyBuffer buffer_;
  etl::HeldMemory held_;
  bool copying_ = false;
};

}  // namespace postgres
