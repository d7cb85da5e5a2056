#include "plugins/sqlite/sqlite_writer.hpp"

#include "plugins/common/sql/earlier_load.hpp"
#include "plugins/sqlite/table/row_check.hpp"
#include "plugins/sqlite/table/table_fit.hpp"
#include "plugins/sqlite/table/triggers.hpp"

#include <string>

namespace sqlite {

using etl::Code;
using etl::Error;

WriteConnection::WriteConnection(const ConnectionOptions& options, sql::TableDefinition target,
                                 Timestamps timestamps)
    : database(options, Database::Access::write),
      definition(std::move(target)),
      batch(database, definition.columns, timestamps),
      checkpointer_(database, options),
      cache_(options.context, 0) {}

void WriteConnection::look_at_table() {
  std::string version = database.pragma("main.schema_version");
  if (insert && version == schema_version_) return;
  if (!exists_and_fits(database, definition, "table")) {
    throw Error::permanent("table " + definition.shown + " is gone: it was dropped or renamed");
  }
  insert.emplace(database,
                 insert_from(definition, rows_of_batch(definition, BatchTable::sql_name),
                             violations(database, definition)),
                 "writing to table \"" + definition.table + "\"");
  const auto rowid = rowid_column(database, definition.table);
  not_null.clear();
  for (const etl::Field& field : definition.columns) {
    if (definition.needs_value(field.name) || (rowid && same_name(field.name, *rowid)))
      not_null.push_back(field.name);
  }
  schema_version_ = std::move(version);
}

SqliteWriter::SqliteWriter(Loan loan, const etl::WriteRequest& request)
    : loan_(std::move(loan)),
      definition_(loan_.connection->definition),
      transaction_(loan_.connection->database,
                   "waiting to write to table \"" + definition_.table + "\""),
      replace_(make_way(request)) {}

sql::Replace SqliteWriter::make_way(const etl::WriteRequest& request) {
  WriteConnection& target = connection();
  target.look_at_table();
  if (request.reload) require_plain_deletes(target.database, definition_);
  return sql::make_way(ledger(), definition_, request);
}

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
  require_values(batch);
  target.insert->run();
  const auto taken = static_cast<std::size_t>(sqlite3_changes64(target.database.handle()));
  if (taken != batch.rows() && lacks_rows(target.database, definition_,
                                          last_of_each_key(definition_, BatchTable::sql_name))) {
    throw Error::permanent("table " + definition_.shown + " took " + std::to_string(taken) +
                           " of " + std::to_string(batch.rows()) +
                           " rows: a trigger of the table skips some");
  }
  target.batch.clear();
  target.report_memory();
}

void SqliteWriter::require_values(const etl::Batch& batch) const {
  for (const std::string& name : loan_.connection->not_null) {
    const std::size_t column = batch.schema().at(name);
    if (!batch.schema()[column].nullable) continue;
    // In a key, SQLite takes NULL for a value that equals no other; in a rowid, it stores a number.
    if (const auto row = loan_.connection->batch.first_null(column)) {
      throw Error::permanent("column \"" + name + "\" of table \"" + definition_.table +
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
