/// \file
/// SqliteWriter: loads one partition.
#pragma once

#include "plugins/common/sql/ledger_table.hpp"
#include "plugins/sqlite/database/checkpointer.hpp"
#include "plugins/sqlite/database/database.hpp"
#include "plugins/sqlite/database/first_load.hpp"
#include "plugins/sqlite/database/write_gate.hpp"
#include "plugins/sqlite/table/batch_table.hpp"
#include "plugins/sqlite/table/table_definition.hpp"

#include <etl/batch.hpp>
#include <etl/ledger.hpp>

#include <memory>
#include <optional>
#include <string>

namespace sqlite {

/// A connection that is ready to write batches of one schema; kept from partition to partition.
struct WriteConnection {
  WriteConnection(const ConnectionOptions& options, sql::TableDefinition target,
                  Timestamps timestamps);

  /// Checks the table once more if the database's schema has changed since the last time, and
  /// compiles the INSERT for it. Throws Error if it does not fit, or is gone. To be called in a
  /// transaction, during which the schema stays.
  void look_at_table();

  /// Reports the size of the page cache, which an idle connection keeps, to the host.
  void report_memory() { cache_.set(database.cache_bytes()); }

  Database database;
  const sql::TableDefinition definition;
  BatchTable batch;
  std::optional<Statement> insert;
  etl::Strings not_null;  ///< columns that must not be NULL, even if the table lets them

 private:
  std::string schema_version_;  ///< when the table was looked at
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

  /// Throws Error as WriteConnection::look_at_table() and sql::make_way() do.
  SqliteWriter(Loan loan, const etl::WriteRequest& request);
  SqliteWriter(const SqliteWriter&) = delete;
  SqliteWriter& operator=(const SqliteWriter&) = delete;
  ~SqliteWriter() = default;

  void write(etl::Batch batch);
  /// Throws Error (conflict) if the ledger has the partition `done` after all.
  void commit(const etl::LedgerRecord& record);

 private:
  [[nodiscard]] sql::LedgerTable ledger();
  [[nodiscard]] sql::Replace make_way(const etl::WriteRequest& request);
  void insert(const etl::Batch& batch);
  void require_values(const etl::Batch& batch) const;
  [[nodiscard]] WriteConnection& connection();

  Loan loan_;  // holds the gate until its connection is closed
  const sql::TableDefinition definition_;
  LoadTransaction transaction_;
  sql::Replace replace_;
};

}  // namespace sqlite
