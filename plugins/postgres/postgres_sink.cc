#include "postgres_sink.hpp"

#include "partition_rows.hpp"

#include <algorithm>
#include <chrono>
#include <set>

namespace postgres {
namespace {

// https://www.postgresql.org/docs/15/limits.html
constexpr std::size_t columns_max = 1600;

// Any constant will do that no other program uses: "etl" and a version.
constexpr std::string_view prepare_lock = "SELECT pg_advisory_xact_lock(1702128737, 1)";

TableName table_from(const etl::Options& options) {
  TableName table = parse_table_name(options.get<std::string>("table"));
  if (table.table == LedgerTable::name) {
    throw etl::Error::config("table " + table.shown() + " is the ledger's own name").about("table");
  }
  return table;
}

etl::Strings key_from(const etl::Options& options) {
  etl::Strings key = options.get<etl::Strings>("key");
  const bool upsert = options.get<std::string>("mode") == "upsert";
  if (upsert && key.empty()) throw etl::Error::config("mode \"upsert\" needs a key").about("key");
  if (!upsert && !key.empty()) {
    throw etl::Error::config("a key is for mode \"upsert\", mode \"append\" has none").about("key");
  }
  std::set<std::string> seen;
  for (const std::string& column : key) {
    if (!seen.insert(column).second) {
      throw etl::Error::config("column \"" + column + "\" is twice in the key").about("key");
    }
  }
  return key;
}

}  // namespace

PostgresSink::PostgresSink(const etl::Options& given, const etl::Context& context)
    : context_(context),
      table_(table_from(given)),
      key_(key_from(given)),
      dsn_(given.get<std::string>("dsn")),
      pool_(dsn_, context) {}

void PostgresSink::check(const etl::Schema& schema) const {
  if (schema.size() == 0 || schema.size() > columns_max) {
    throw etl::Error::config(std::to_string(schema.size()) + " columns; PostgreSQL takes 1 to " +
                             std::to_string(columns_max));
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
  for (const std::string& column : key_) {
    if (schema.find(column)) continue;
    throw etl::Error::config("the key's column \"" + column + "\" is not among " + schema.names())
        .about("key");
  }
}

etl::Target PostgresSink::inspect(const etl::Schema& schema) {
  check(schema);
  const ConnectionPool::Lease lease = pool_.acquire();
  lease->run("beginning a transaction", "BEGIN READ ONLY");
  etl::Target found;
  for (const std::string& statement : missing_ddl(*lease, schema)) {
    found.ddl += (found.ddl.empty() ? "" : "\n") + statement + ";";
  }
  found.name = target(*lease).shown();
  return found;
}

// Locked, for CREATE TABLE IF NOT EXISTS fails when two do it at once, and asks for the right to
// create even where the table exists.
void PostgresSink::prepare(const etl::Schema& schema) {
  check(schema);
  const ConnectionPool::Lease lease = pool_.acquire();
  lease->run("beginning a transaction", "BEGIN ISOLATION LEVEL READ COMMITTED");
  lease->run("waiting for other runs that create tables", std::string(prepare_lock));
  for (const std::string& statement : missing_ddl(*lease, schema)) {
    lease->run("creating what table " + target(*lease).shown() + " needs", statement);
  }
  lease->commit();
}

std::vector<etl::LedgerRecord> PostgresSink::committed(std::string_view pipeline,
                                                       std::string_view sink) {
  const ConnectionPool::Lease lease = pool_.acquire();
  return LedgerTable(target(*lease).schema).read(*lease, pipeline, sink);
}

void PostgresSink::record(const etl::LedgerRecord& record) {
  if (record.state == etl::State::done) {
    throw etl::Error(etl::Code::internal, "only a writer records a partition as done");
  }
  const ConnectionPool::Lease lease = pool_.acquire();
  // False means that another run has loaded the partition: then that is what counts.
  static_cast<void>(
      LedgerTable(target(*lease).schema).write(*lease, record, LedgerTable::Replace::all_but_done));
}

PostgresWriter PostgresSink::open(const etl::WriteRequest& request, const etl::Schema& schema) {
  ConnectionPool::Lease lease = pool_.acquire();
  TableDefinition definition{target(*lease), schema, key_};
  return {std::move(lease), std::move(definition), request, etl::HeldMemory(context_, 0)};
}

// The record is locked first: who loads the partition at this moment is waited for, and who comes
// later finds nothing to replace. A reload with a key leaves rows that it cannot tell, for the new
// ones replace them; here none come, so that is refused as well.
std::int64_t PostgresSink::forget(const etl::ForgetRequest& request, const etl::Schema& schema) {
  const ConnectionPool::Lease lease = pool_.acquire();
  const TableDefinition table{target(*lease), schema, key_};
  const LedgerTable ledger(table.name.schema);
  if (!ledger.definition().exists(*lease)) return 0;
  const LedgerTable::Key key{request.pipeline, request.source, request.sink, request.partition.id};
  lease->run("beginning a transaction", "BEGIN ISOLATION LEVEL READ COMMITTED");
  const auto earlier = ledger.find(*lease, key, true);
  if (!earlier) return 0;
  RemovedRows removed;
  if (request.delete_rows && earlier->state == etl::State::done && earlier->rows_written > 0) {
    removed = table.exists(*lease) ? remove_rows(*lease, table, request.partition,
                                                 earlier->rows_written, IfRefused::roll_back)
                                   : RemovedRows{0, "the table is not there"};
  }
  if (!removed.refused.empty()) {
    throw etl::Error::permanent("cannot delete the rows of partition \"" + request.partition.id +
                                "\" from table " + table.name.shown() + ": " + removed.refused +
                                ". Nothing was changed; forget the partition without its rows, "
                                "and delete those yourself");
  }
  ledger.remove(*lease, key);
  lease->commit();
  return removed.count;
}

// A run that ends must not hang on it, nor leave it out because the host was cancelled: hence the
// time limit. After a failure the connection is closed, which rolls back.
void PostgresSink::heartbeat(const etl::Heartbeat& beat) {
  constexpr std::chrono::milliseconds limit{2000};
  const std::lock_guard lock(pulse_mutex_);
  if (pulse_ == nullptr && beat.records.empty()) return;  // it never said anything
  if (pulse_ == nullptr) pulse_ = std::make_unique<Connection>(dsn_, context_);
  std::unique_ptr<Connection> connection = std::move(pulse_);
  {
    const Connection::TimeLimit hurry(*connection, limit);
    RunningTable(target(*connection).schema).write(*connection, beat);
  }
  pulse_ = std::move(connection);
}

std::vector<etl::RunningRecord> PostgresSink::running(std::string_view pipeline,
                                                      std::string_view sink) {
  const ConnectionPool::Lease lease = pool_.acquire();
  return RunningTable(target(*lease).schema).read(*lease, pipeline, sink);
}

// Kept, so that all partitions of a run go to one place even if the search_path should change.
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

std::vector<std::string> PostgresSink::missing_ddl(Connection& connection,
                                                   const etl::Schema& schema) {
  const TableDefinition table{target(connection), schema, key_};
  const LedgerTable ledger(table.name.schema);
  std::vector<std::string> statements;
  for (const TableDefinition* definition : {&table, &ledger.definition()}) {
    if (definition->exists(connection)) definition->require_fit(connection);
    else statements.push_back(definition->ddl());
  }
  return statements;
}

}  // namespace postgres
