/// \file
/// One partition on its way into the database.
#pragma once

#include "batch_table.hpp"
#include "checkpointer.hpp"
#include "database.hpp"
#include "first_load.hpp"
#include "ledger_table.hpp"
#include "table_definition.hpp"
#include "write_gate.hpp"

#include <etl/batch.hpp>
#include <etl/ledger.hpp>

#include <memory>

namespace sqlite {

/// A connection that is ready to write batches of one schema; kept from partition to partition.
struct WriteConnection {
  WriteConnection(const ConnectionOptions& options, const TableDefinition& definition,
                  etl::Schema schema, Timestamps timestamps);

  /// Tells the host how large the page cache is now. It is kept while the connection is idle.
  void tell_memory() { cache_.set(database.cache_bytes()); }

  Database database;
  BatchTable batch;
  Statement insert;

 private:
  Checkpointer checkpointer_;
  etl::HeldMemory cache_;
};

/// Writes one partition in one transaction, which the constructor begins. Until commit() has
/// returned, destroying it (or an error in any of its members) rolls everything back: its
/// connection is closed.
///
/// Used by one thread at a time; must not outlive its sink.
class SqliteWriter {
 public:
  /// What the writer has from its sink.
  struct Place {
    WriteGate::Hold hold;
    std::unique_ptr<WriteConnection> connection;
    std::unique_ptr<WriteConnection>& idle;  ///< where the connection goes after a commit
    const etl::Context& context;
  };

  /// Throws Error: conflict when the ledger has the partition `done` and this is no reload;
  /// permanent when it is one and the earlier rows cannot be told from other rows of the table.
  SqliteWriter(Place place, TableDefinition definition, const TableOptions& options,
               etl::WriteRequest request);
  SqliteWriter(const SqliteWriter&) = delete;
  SqliteWriter& operator=(const SqliteWriter&) = delete;
  ~SqliteWriter() = default;

  void write(etl::Batch batch);
  /// Throws Error (conflict) when the ledger has the partition `done` after all.
  void commit(const etl::LedgerRecord& record);

 private:
  void check_ledger(const TableOptions& options);
  void insert(const etl::Batch& batch);
  void require_keys(const etl::Batch& batch) const;
  [[nodiscard]] WriteConnection& connection();

  Place place_;  // its gate is held until its connection is closed
  TableDefinition definition_;
  etl::WriteRequest request_;
  LoadTransaction transaction_;
};

}  // namespace sqlite
