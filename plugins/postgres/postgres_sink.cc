#include "plugins/postgres/postgres_sink.hpp"

#include "plugins/common/sql/earlier_load.hpp"
#include "plugins/common/sql/running_table.hpp"
#include "plugins/postgres/server_table.hpp"
#include "plugins/postgres/tables.hpp"

#include <algorithm>
#include <chrono>
#include <set>

namespace postgres {
namespace {

// https://www.postgresql.org/docs/15/limits.html
constexpr std::size_t columns_max = 1600;

// Serializes the creation of tables: CREATE TABLE IF NOT EXISTS fails if two sessions run it at
// once. The key is any number that no other program uses: "etl" and a version.
constexpr std::string_view lock_key = "(1702128737, 1)";

constexpr std::string_view beginning = "beginning a transaction";
constexpr const char* begin_statement = "BEGIN ISOLATION LEVEL READ COMMITTED";
// For what may be lost if the server crashes within the next second.
constexpr const char* begin_unsynced =
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off";

TableName table_from(const etl::Options& options) {
  TableName table = parse_table_name(options.get<std::string>("table"));
  if (table.table == sql::ledger_name) {
    throw etl::Error::config("table " + table.shown() + " is reserved for the ledger")
        .about("table");
  }
  return table;
}

etl::Strings key_from(const etl::Options& options) {
  etl::Strings key = options.get<etl::Strings>("key");
  sql::check_key(options.get<std::string>("mode") == "upsert", key);
  return key;
}

}  // namespace

PostgresSink::PostgresSink(const etl::Options& given, const etl::Context& context)
    : context_(context),
      table_(table_from(given)),
      key_(key_from(given)),
      rules_(sql::rules_from(given)),
      keeps_existing_rows_(given.get<std::string>("existing_rows") == "keep"),
      dsn_(given.get<std::string>("dsn")),
      pool_(dsn_, context) {}

void PostgresSink::check(const etl::Schema& schema) const {
  if (schema.size() == 0 || schema.size() > columns_max) {
    throw etl::Error::config("the input has " + std::to_string(schema.size()) +
                             " columns; PostgreSQL takes 1 to " + std::to_string(columns_max));
  }
  std::set<std::string_view> seen;
  for (const etl::Field& field : schema) {
    if (const std::string fault = fault_of_name(field.name); !fault.empty()) {
      throw etl::Error::config("column \"" + field.name + "\": " + fault);
    }
    if (!seen.insert(field.name).second) {
      throw etl::Error::config("there are two columns \"" + field.name + "\"");
    }
  }
  sql::check_key_columns(key_, schema);
  sql::check_rule_columns(rules_, schema);
}

etl::Target PostgresSink::inspect(const etl::Schema& schema) {
  check(schema);
  const ConnectionPool::Lease lease = pool_.acquire();
  lease->run(beginning, "BEGIN READ ONLY");
  etl::Target found;
  for (const std::string& statement : missing_ddl(*lease, schema)) {
    found.ddl += (found.ddl.empty() ? "" : "\n") + statement + ";";
  }
  found.name = target(*lease).shown();
  if (sql::lacks_order(rules_, key_, schema))
    context_.info("table " + found.name + ": " + std::string(sql::lacking_order_note));
  return found;
}

// Looks under the lock, because IF NOT EXISTS asks for the right to create even if the table
// exists.
void PostgresSink::prepare(const etl::Schema& schema) {
  check(schema);
  const ConnectionPool::Lease lease = pool_.acquire();
  lease->run(beginning, begin_statement);
  lease->run("waiting for other runs that create tables",
             "SELECT pg_advisory_xact_lock" + std::string(lock_key));
  for (const std::string& statement : missing_ddl(*lease, schema)) {
    lease->run("creating the tables of " + target(*lease).shown(), statement);
  }
  lease->commit();
}

std::vector<etl::LedgerRecord> PostgresSink::committed(std::string_view pipeline,
                                                       std::string_view sink) {
  const ConnectionPool::Lease lease = pool_.acquire();
  const sql::TableDefinition ledger = define_ledger(target(*lease).schema);
  if (!exists(*lease, ledger)) return {};
  return sql::LedgerTable(*lease, ledger).all(pipeline, sink);
}

void PostgresSink::record(const etl::LedgerRecord& record) {
  const ConnectionPool::Lease lease = pool_.acquire();
  const sql::LedgerTable ledger(*lease, define_ledger(target(*lease).schema));
  lease->run(beginning, begin_unsynced);
  ledger.record(record);
  lease->commit();
}

PostgresWriter PostgresSink::open(const etl::WriteRequest& request, const etl::Schema& schema) {
  std::call_once(warned_, [&] {
    const std::string warning = sql::warn_of_order(rules_, key_, schema, request.partition.scope);
    if (!warning.empty()) context_.warn("table " + table_.shown() + ": " + warning);
  });
  ConnectionPool::Lease lease = pool_.acquire();
  sql::TableDefinition table = definition(*lease, schema);
  table.rules = sql::rules_for(rules_, key_, schema, request.partition.scope);
  return {std::move(lease), std::move(table), request, etl::HeldMemory(context_, 0)};
}

std::int64_t PostgresSink::forget(const etl::ForgetRequest& request, const etl::Schema& schema) {
  const ConnectionPool::Lease lease = pool_.acquire();
  const sql::TableDefinition table = definition(*lease, schema);
  const sql::LedgerTable ledger(*lease, define_ledger(table.schema));
  if (!exists(*lease, ledger.definition())) return 0;
  lease->run(beginning, begin_statement);
  const std::int64_t rows =
      sql::forget(ledger, table, request, [&] { return read_table(*lease, table).has_value(); });
  lease->commit();
  return rows;
}

// The time limit lets the last heartbeat of a cancelled run through, but keeps the run from hanging
// on it. After a failure the connection is closed, which rolls back.
void PostgresSink::heartbeat(const etl::Heartbeat& beat) {
  constexpr std::chrono::milliseconds limit{2000};
  const std::lock_guard lock(pulse_mutex_);
  if (pulse_ == nullptr && beat.records.empty()) return;  // there was no heartbeat yet
  if (pulse_ == nullptr) pulse_ = std::make_unique<Connection>(dsn_, context_);
  std::unique_ptr<Connection> connection = std::move(pulse_);
  {
    const Connection::TimeLimit hurry(*connection, limit);
    write_heartbeat(*connection, beat);
  }
  pulse_ = std::move(connection);
}

// Waits for no lock. Creates the table for the first record.
void PostgresSink::write_heartbeat(Connection& connection, const etl::Heartbeat& beat) {
  constexpr std::string_view doing = "writing a heartbeat";
  const sql::TableDefinition table = define_running(target(connection).schema);
  connection.run(doing, begin_unsynced);
  connection.run(doing, "SET LOCAL lock_timeout = '20ms'");
  bool there = exists(connection, table);
  if (!there && !beat.records.empty()) {
    const Result locked =
        connection.run(doing, "SELECT pg_try_advisory_xact_lock" + std::string(lock_key) + "::int");
    if (locked.integer(0, 0) == 0) {
      throw etl::Error::transient("another run is creating its tables");
    }
    if (!exists(connection, table)) connection.run(doing, table.create_sql());
    there = true;
  }
  if (there) sql::RunningTable(connection, table).replace(beat);
  connection.run(doing, "COMMIT");
}

std::vector<etl::RunningRecord> PostgresSink::running(std::string_view pipeline,
                                                      std::string_view sink) {
  const ConnectionPool::Lease lease = pool_.acquire();
  const sql::TableDefinition table = define_running(target(*lease).schema);
  if (!exists(*lease, table)) return {};
  return sql::RunningTable(*lease, table).all(pipeline, sink);
}

// Resolved once, so that all partitions of a run go to one table even if the search_path changes.
TableName PostgresSink::target(Connection& connection) {
  {
    const std::lock_guard lock(mutex_);
    if (resolved_) return *resolved_;
  }
  TableName found = resolve(connection, table_);
  const std::lock_guard lock(mutex_);
  if (!resolved_) resolved_ = std::move(found);
  return *resolved_;
}

sql::TableDefinition PostgresSink::definition(Connection& connection, const etl::Schema& schema) {
  sql::TableDefinition table = define_table(target(connection), schema, key_);
  table.rules = rules_;
  return table;
}

std::vector<std::string> PostgresSink::missing_ddl(Connection& connection,
                                                   const etl::Schema& schema) {
  const sql::TableDefinition table = definition(connection, schema);
  const sql::TableDefinition ledger = define_ledger(table.schema);
  const bool has_table = read_table(connection, table).has_value();
  const bool has_ledger = read_table(connection, ledger).has_value();
  // Without a key, or where rows are added up, loading them once more would count them twice.
  const bool counts_rows = key_.empty() || rules_.mixes_partitions();
  if (has_table && counts_rows && !keeps_existing_rows_)
    sql::refuse_unknown_rows(connection, table, ledger, has_ledger);
  std::vector<std::string> statements;
  if (!has_table) statements.push_back(table.create_sql());
  if (!has_ledger) statements.push_back(ledger.create_sql());
  return statements;
}

}  // namespace postgres
