/// \file
/// SqliteWriter: loads one partition.
#pragma once

#include "plugins/common/sql/ledger_table.hpp"
#include "plugins/sqlite/batch_table.hpp"
#include "plugins/sqlite/checkpointer.hpp"
#include "plugins/sqlite/database.hpp"
#include "plugins/sqlite/first_load.hpp"
#include "plugins/sqlite/table_definition.hpp"
#include "plugins/sqlite/write_gate.hpp"

#include <etl/batch.hpp>
#include <etl/ledger.hpp>

#include <memory>

namespace sqlite {

/// A connection that is ready to write batches of one schema; kept from partition to partition.
struct WriteConnection {
  WriteConnection(const ConnectionOptions& options, const sql::TableDefinition& definition,
                  Timestamps timestamps);

  /// Reports the size of the page cache, which an idle connection keeps, to the host.
  void report_memory() { cache_.set(database.cache_bytes()); }

  Database database;
  BatchTable batch;
  Statement insert;

 private:
  Checkpointer checkpointer_;
  etl::HeldMemory cache_;
};

/// Writes one partition and its ledger record in one transaction, which the constructor begins.
/// Closes the connection, which rolls everything back, if it is destroyed before commit() has
/// returned or if any of its members throws.
///
/// Used by one thread at a time; must not outlive its sink.
class SqliteWriter {
 public:
  /// The connection that the sink lends, with the right to write.
  struct Loan {
    WriteGate::Hold hold;
    std::unique_ptr<WriteConnection> connection;
    std::unique_ptr<WriteConnection>& idle;  ///< takes the connection back after a commit
    const etl::Context& context;
  };

  /// Throws Error as sql::make_way() does.
  SqliteWriter(Loan loan, sql::TableDefinition definition, const etl::WriteRequest& request);
  SqliteWriter(const SqliteWriter&) = delete;
  SqliteWriter& operator=(const SqliteWriter&) = delete;
  ~SqliteWriter() = default;

  void write(etl::Batch batch);
  /// Throws Error (conflict) if the ledger has the partition `done` after all.
  void commit(const etl::LedgerRecord& record);

 private:
  [[nodiscard]] sql::LedgerTable ledger();
  void insert(const etl::Batch& batch);
  void require_keys(const etl::Batch& batch) const;
  [[nodiscard]] WriteConnection& connection();

  Loan loan_;  // holds the gate until its connection is closed
  sql::TableDefinition definition_;
  LoadTransaction transaction_;
  sql::Replace replace_;
};

}  // namespace sqlite
