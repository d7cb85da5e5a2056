#include "plugins/sqlite/ledger_connection.hpp"

#include <etl/error.hpp>

namespace sqlite {

LedgerConnection::LedgerConnection(const ConnectionOptions& options)
    : database(options, Database::Access::write),
      context_(options.context),
      cache_(options.context, 0) {}

LedgerConnection::~LedgerConnection() {
  if (!defers_syncs_) return;
  try {
    database.sync_log();
  } catch (const etl::Error& error) {
    context_.warn(error.message());
  }
}

void LedgerConnection::defer_syncs() {
  if (defers_syncs_ || !database.has_log()) return;
  database.execute("PRAGMA main.synchronous = NORMAL", "opening it");
  defers_syncs_ = true;
}

}  // namespace sqlite
