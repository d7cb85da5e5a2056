#include "sqlite_writer.hpp"

#include "partition_rows.hpp"

#include <string>

namespace sqlite {
namespace {

using etl::Code;
using etl::Error;

std::string writing(const TableDefinition& definition) {
  return "writing to table \"" + definition.table + "\"";
}

/// Why a partition's earlier rows cannot be replaced, and what to do about it.
Error not_replaceable(const etl::WriteRequest& request, const TableDefinition& definition,
                      const std::string& path, const std::string& why) {
  return Error::permanent(
      "partition " + request.partition.id + " cannot be loaded again into table \"" +
      definition.table + "\" in " + path + ": " + why +
      ". Use mode = \"upsert\" or a table of its own; where the earlier rows are gone "
      "already, forget the partition (etl state), which removes its row of etl_ledger");
}

}  // namespace

WriteConnection::WriteConnection(const ConnectionOptions& options,
                                 const TableDefinition& definition, etl::Schema schema,
                                 Timestamps timestamps)
    : database(options, Database::Access::write),
      batch(database, std::move(schema), timestamps),
      insert(database, definition.insert_sql(BatchTable::sql_name), writing(definition)),
      checkpointer_(database, options),
      cache_(options.context, 0) {}

SqliteWriter::SqliteWriter(Place place, TableDefinition definition, const TableOptions& options,
                           etl::WriteRequest request)
    : place_(std::move(place)),
      definition_(std::move(definition)),
      request_(std::move(request)),
      transaction_(place_.connection->database,
                   "waiting to write to table \"" + definition_.table + "\"") {
  check_ledger(options);
}

void SqliteWriter::check_ledger(const TableOptions& options) {
  Database& database = place_.connection->database;
  const auto earlier = LedgerTable(database).find(request_.pipeline, request_.source, request_.sink,
                                                  request_.partition.id);
  if (!earlier || earlier->state != etl::State::done) return;
  if (!request_.reload) {
    throw Error::conflict("partition " + request_.partition.id + " is done already in " +
                          database.path() + " (run " + earlier->run_id + ")");
  }
  const RemovedRows removed = remove_rows(database, options, place_.connection->batch.schema(),
                                          request_.partition, earlier->rows_written);
  // With a key the new rows replace the earlier ones anyway.
  if (!removed.refused.empty() && !options.upsert) {
    throw not_replaceable(request_, definition_, database.path(), removed.refused);
  }
}

WriteConnection& SqliteWriter::connection() {
  if (place_.connection == nullptr) {
    throw Error(Code::internal, "the writer of partition " + request_.partition.id +
                                    " is used after it committed or failed");
  }
  if (place_.context.cancelled()) throw Error::cancelled();
  return *place_.connection;
}

void SqliteWriter::write(etl::Batch batch) {
  try {
    insert(batch);
  } catch (...) {
    // SQLite rolls some errors back by itself; what came after would then commit on its own.
    place_.connection.reset();
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
  target.tell_memory();
  const auto taken = static_cast<std::size_t>(sqlite3_changes64(target.database.handle()));
  const bool may_skip = definition_.key.size() == definition_.columns.size();  // DO NOTHING
  if (taken != batch.rows() && !may_skip) {
    throw Error::permanent("table \"" + definition_.table + "\" in " + target.database.path() +
                           " took " + std::to_string(taken) + " of " +
                           std::to_string(batch.rows()) +
                           " rows: a trigger or an ON CONFLICT clause of the table drops some");
  }
}

void SqliteWriter::require_keys(const etl::Batch& batch) const {
  for (const std::string& name : definition_.key) {
    const std::size_t column = batch.schema().at(name);
    if (!batch.schema()[column].nullable) continue;
    // An existing table may allow it, and would then take NULL for a key that equals no other.
    if (const auto row = place_.connection->batch.first_null(column)) {
      throw Error::permanent("key column \"" + name + "\" of table \"" + definition_.table +
                             "\" is NULL in row " + std::to_string(*row + 1) + " of a batch");
    }
  }
}

void SqliteWriter::commit(const etl::LedgerRecord& record) {
  try {
    Database& database = connection().database;
    if (record.state != etl::State::done) {
      throw Error(Code::internal, "a partition commits as done, not as " +
                                      std::string(etl::state_name(record.state)));
    }
    const auto replace =
        request_.reload ? LedgerTable::Replace::always : LedgerTable::Replace::unless_done;
    if (!LedgerTable(database).put(record, replace)) {
      throw Error::conflict("partition " + record.partition + " is done already in " +
                            database.path());
    }
    transaction_.commit("committing partition " + record.partition);
    place_.connection->tell_memory();
  } catch (...) {
    place_.connection.reset();
    throw;
  }
  place_.idle = std::move(place_.connection);
}

}  // namespace sqlite
