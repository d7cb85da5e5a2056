#include "sqlite_writer.hpp"

#include <optional>
#include <string>
#include <variant>

namespace sqlite {
namespace {

using etl::Code;
using etl::Error;

/// A partition's scope as the table holds it: a column, and the value that all its rows have there.
struct StoredScope {
  std::string column;
  std::variant<std::int64_t, std::string> value;
};

/// Nothing when the partition has no scope, or one that is no longer in the columns (a filter may
/// have taken the column away, or made something else of it).
std::optional<StoredScope> stored_scope(const etl::Scope& scope, const etl::Schema& schema,
                                        Timestamps timestamps) {
  const auto position = scope.column.empty() ? std::nullopt : schema.find(scope.column);
  if (!position) return std::nullopt;
  const etl::Type type = schema[*position].type;
  if (const auto* text = std::get_if<std::string>(&scope.value)) {
    if (!etl::is_text(type)) return std::nullopt;
    return StoredScope{scope.column, *text};
  }
  const std::int64_t number = std::get<std::int64_t>(scope.value);
  const bool integer = type == etl::Type::int32 || type == etl::Type::int64;
  if (integer || (etl::is_timestamp(type) && timestamps == Timestamps::unix)) {
    return StoredScope{scope.column, number};
  }
  if (!etl::is_timestamp(type)) return std::nullopt;
  const auto text =
      type == etl::Type::timestamp_s ? timestamp_text(number) : timestamp_text_us(number);
  if (!text) return std::nullopt;
  return StoredScope{scope.column, std::string(text->view())};
}

void bind_value(Statement& statement, const StoredScope& scope) {
  std::visit([&](const auto& value) { statement.bind(value); }, scope.value);
}

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
      "already, delete the partition's row of etl_ledger");
}

}  // namespace

WriteConnection::WriteConnection(const ConnectionOptions& options,
                                 const TableDefinition& definition, etl::Schema schema,
                                 Timestamps timestamps)
    : database(options, Database::Access::write),
      batch(database, std::move(schema), timestamps),
      insert(database, definition.insert_sql(BatchTable::sql_name), writing(definition)) {}

SqliteWriter::SqliteWriter(Place place, TableDefinition definition, const TableOptions& options,
                           etl::WriteRequest request)
    : place_(std::move(place)), definition_(std::move(definition)), request_(std::move(request)) {
  begin(options);
}

void SqliteWriter::begin(const TableOptions& options) {
  Database& database = place_.connection->database;
  database.begin("waiting to write to table \"" + definition_.table + "\"");
  const auto earlier = LedgerTable(database).find(request_.pipeline, request_.source, request_.sink,
                                                  request_.partition.id);
  if (!earlier || earlier->state != etl::State::done) return;
  if (!request_.reload) {
    throw Error::conflict("partition " + request_.partition.id + " is done already in " +
                          database.path() + " (run " + earlier->run_id + ")");
  }
  if (earlier->rows_written > 0) remove_rows(earlier->rows_written, options);
}

void SqliteWriter::remove_rows(std::int64_t rows_written, const TableOptions& options) {
  Database& database = place_.connection->database;
  const auto refuse = [&](const std::string& why) {
    throw not_replaceable(request_, definition_, database.path(), why);
  };
  const auto scope =
      stored_scope(request_.partition.scope, place_.connection->batch.schema(), options.timestamps);
  if (!scope) {
    // With a key the new rows replace the earlier ones anyway.
    if (!options.upsert) refuse("no column says which rows are the partition's");
    return;
  }
  const std::string doing =
      "replacing partition " + request_.partition.id + " in table \"" + definition_.table + "\"";
  const std::string rows_of_scope = " FROM main." + quoted(definition_.table) +
                                    " AS target WHERE target." + quoted(scope->column) + " = ?1";
  Statement count(database, "SELECT count(*)" + rows_of_scope, doing);
  bind_value(count, *scope);
  count.step();
  const std::int64_t found = count.integer(0);
  if (found != rows_written) {
    // Other rows have the partition's value too, or some of its own are gone: whose they are,
    // nobody knows.
    if (!options.upsert) {
      refuse("it has " + std::to_string(found) + " rows with the partition's value of column \"" +
             scope->column + "\", where the ledger says that " + std::to_string(rows_written) +
             " were written; it seems to be shared with other rows");
    }
    return;
  }
  count.reset();
  Statement remove(database, "DELETE" + rows_of_scope, doing);
  bind_value(remove, *scope);
  remove.run();
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
    database.commit("committing partition " + record.partition);
  } catch (...) {
    place_.connection.reset();
    throw;
  }
  place_.idle = std::move(place_.connection);
}

}  // namespace sqlite
