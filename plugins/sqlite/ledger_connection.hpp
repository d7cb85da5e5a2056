/// \file
/// LedgerConnection: changes the ledger where no rows are loaded.
#pragma once

#include "plugins/sqlite/database/database.hpp"

#include <etl/context.hpp>

namespace sqlite {

/// A connection that records and forgets partitions; kept from one to the next.
///
/// With a write-ahead log, its commits are not synced one by one: a later sync of the log, which
/// any commit of a partition makes, covers them too, and so does the destructor's. Until then a
/// power failure may undo them, in order: a record that is lost says what the next run finds out
/// again, and a partition that is not forgotten after all is as it was.
///
/// Used by one thread at a time.
class LedgerConnection {
 public:
  explicit LedgerConnection(const ConnectionOptions& options);
  LedgerConnection(const LedgerConnection&) = delete;
  LedgerConnection& operator=(const LedgerConnection&) = delete;
  /// Syncs the log; warns if that fails.
  ~LedgerConnection();

  /// Leaves syncs to later from now on if there is a log, which stays while it is open here. Not to
  /// be called in a transaction.
  void defer_syncs();
  /// Reports the size of the page cache to the host.
  void report_memory() { cache_.set(database.cache_bytes()); }

  Database database;

 private:
  etl::Context context_;
  etl::HeldMemory cache_;
  bool defers_syncs_ = false;
};

}  // namespace sqlite
