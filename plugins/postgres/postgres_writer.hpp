/// \file
/// One partition on its way into a table.
#pragma once

#include "connection_pool.hpp"
#include "copy_encoder.hpp"
#include "ledger_table.hpp"
#include "table_definition.hpp"

#include <etl/batch.hpp>
#include <etl/context.hpp>
#include <etl/ledger.hpp>

#include <string>

namespace postgres {

/// Writes a partition's rows and its ledger record in one transaction on one connection.
///
/// Rows go straight into the table; with a key (mode "upsert") into a temporary table, from which
/// commit() merges them. Used by one thread; destroyed without commit() it rolls back.
class PostgresWriter {
 public:
  /// Begins. Throws Error (conflict) when the ledger has the partition `done` and it is no reload;
  /// a reload removes the rows of the earlier load, or throws Error (permanent) when it cannot tell
  /// them from others.
  /// `held` is told of the buffer for rows.
  PostgresWriter(ConnectionPool::Lease lease, TableDefinition target,
                 const etl::WriteRequest& request, etl::HeldMemory held = {});

  /// Sends rows.
  void write(const etl::Batch& batch);

  /// Commits rows and record. Throws Error (conflict) when another run has committed the partition
  /// meanwhile, and Error (transient) saying so when the outcome is not known.
  void commit(const etl::LedgerRecord& record);

 private:
  void remove_earlier(const etl::WriteRequest& request, const LedgerTable::Entry& earlier);
  void start_copy();
  void end_copy();
  void merge();
  void send(std::size_t bytes_min);
  [[nodiscard]] bool upserts() const { return !target_.key.empty(); }

  ConnectionPool::Lease lease_;
  TableDefinition target_;
  LedgerTable ledger_;
  // An earlier load has been removed, its record is locked: no other run can be overwritten.
  LedgerTable::Replace replace_ = LedgerTable::Replace::all_but_done;
  std::string ordinal_;  // the temporary table's extra column
  std::string doing_;    // for messages
  CopyEncoder encoder_;
  CopyBuffer buffer_;
  etl::HeldMemory held_;  // the buffer
  bool copying_ = false;
};

}  // namespace postgres
