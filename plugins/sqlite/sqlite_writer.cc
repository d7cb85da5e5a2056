#include "plugins/sqlite/sqlite_writer.hpp"

#include "plugins/common/sql/earlier_load.hpp"

#include <string>

namespace sqlite {

using etl::Code;
using etl::Error;

WriteConnection::WriteConnection(const ConnectionOptions& options,
                                 const sql::TableDefinition& definition, Timestamps timestamps)
    : database(options, Database::Access::write),
      batch(database, definition.columns, timestamps),
      insert(database, insert_from(definition, BatchTable::sql_name),
             "writing to table \"" + definition.table + "\""),
      checkpointer_(database, options),
      cache_(options.context, 0) {}

SqliteWriter::SqliteWriter(Loan loan, sql::TableDefinition definition,
                           const etl::WriteRequest& request)
    : loan_(std::move(loan)),
      definition_(std::move(definition)),
      transaction_(loan_.connection->database,
                   "waiting to write to table \"" + definition_.table + "\""),
      replace_(sql::make_way(ledger(), definition_, request)) {}

sql::LedgerTable SqliteWriter::ledger() {
  Database& database = connection().database;
  return {database, define_ledger(database.path())};
}

WriteConnection& SqliteWriter::connection() {
  if (loan_.connection == nullptr) {
    throw Error(Code::internal, "a writer of table \"" + definition_.table +
                                    "\" is used after it committed or failed");
  }
  if (loan_.context.cancelled()) throw Error::cancelled();
  return *loan_.connection;
}

void SqliteWriter::write(etl::Batch batch) {
  try {
    insert(batch);
  } catch (...) {
    // SQLite rolls back on some errors by itself; later statements would then commit on their own.
    loan_.connection.reset();
    throw;
  }
}

void SqliteWriter::insert(const etl::Batch& batch) {
  WriteConnection& target = connection();
  if (batch.schema() != target.batch.schema()) {
    throw Error(Code::internal, "a batch for table \"" + definition_.table +
                                    "\" has other columns than the writer was opened for");
  }
  if (batch.rows() == 0) return;
  target.batch.show(batch);
  require_keys(batch);
  target.insert.run();
  target.batch.clear();
  target.report_memory();
  const auto taken = static_cast<std::size_t>(sqlite3_changes64(target.database.handle()));
  if (taken != batch.rows() && !may_skip_rows(definition_)) {
    throw Error::permanent("table " + definition_.shown + " took " + std::to_string(taken) +
                           " of " + std::to_string(batch.rows()) +
                           " rows: a trigger or an ON CONFLICT clause of the table drops some");
  }
}

void SqliteWriter::require_keys(const etl::Batch& batch) const {
  for (const std::string& name : definition_.key) {
    const std::size_t column = batch.schema().at(name);
    if (!batch.schema()[column].nullable) continue;
    // An existing table may allow NULL, which SQLite then takes for a key that equals no other.
    if (const auto row = loan_.connection->batch.first_null(column)) {
      throw Error::permanent("key column \"" + name + "\" of table \"" + definition_.table +
                             "\" is NULL in row " + std::to_string(*row + 1) + " of a batch");
    }
  }
}

void SqliteWriter::commit(const etl::LedgerRecord& record) {
  try {
    ledger().commit(record, replace_);
    transaction_.commit("committing partition " + record.partition);
    loan_.connection->report_memory();
  } catch (...) {
    loan_.connection.reset();
    throw;
  }
  loan_.idle = std::move(loan_.connection);
}

}  // namespace sqlite
