#include "sqlite_sink.hpp"

#include "first_load.hpp"
#include "ledger_table.hpp"
#include "partition_rows.hpp"
#include "running_table.hpp"
#include "table_fit.hpp"
#include "table_merge.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>

namespace sqlite {

using etl::Error;

namespace {

/// SQLite follows a symbolic link to a file that is yet to be created; weakly_canonical() does not.
std::string canonical_path(std::filesystem::path path) {
  namespace fs = std::filesystem;
  std::error_code unreadable;  // then opening the file says why
  for (int links = 0; links < 40 && fs::is_symlink(path, unreadable); ++links) {
    path = path.parent_path() / fs::read_symlink(path, unreadable);
  }
  fs::path canonical = fs::weakly_canonical(fs::absolute(path, unreadable), unreadable);
  return (canonical.empty() ? path : canonical).string();
}

/// What `read` finds in the file; nothing where its first load locks it, for that would take long
/// and there is no row in it yet.
template <class Read>
auto read_file(const ConnectionOptions& options, Read read)
    -> std::optional<std::invoke_result_t<Read, Database&>> {
  const bool is_new = awaits_first_load(options.path);
  ConnectionOptions patience = options;
  if (is_new) patience.busy_timeout = etl::Duration{0};
  try {
    Database database(patience, Database::Access::read);
    return read(database);
  } catch (const LockedError&) {
    if (!is_new) throw;
    return std::nullopt;
  }
}

}  // namespace

SqliteSink::SqliteSink(const etl::Options& values, const etl::Context& context)
    : connection_{values.get<etl::Path>("path").text, values.get<etl::Duration>("busy_timeout"),
                  context},
      table_{values.get<std::string>("table"), values.get<std::string>("mode") == "upsert",
             values.get<etl::Strings>("key"),
             values.get<std::string>("timestamps") == "unix" ? Timestamps::unix : Timestamps::text},
      resource_(canonical_path(connection_.path)) {}

void SqliteSink::check(const etl::Schema& schema) const { (void)define_table(table_, schema); }

/// Throws Error (config, about "path") when there could be no file: no folder, or a folder in its
/// place.
bool SqliteSink::file_exists() const {
  namespace fs = std::filesystem;
  const fs::path path(connection_.path);
  std::error_code unreadable;  // then opening the file says why
  if (fs::is_directory(path, unreadable)) {
    throw Error::config(connection_.path + " is a folder, not a database file").about("path");
  }
  if (fs::exists(path, unreadable)) return true;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, unreadable)) {
    throw Error::config("the folder " + folder.string() + " of " + connection_.path +
                        " does not exist")
        .about("path");
  }
  return false;
}

etl::Target SqliteSink::inspect(const etl::Schema& schema) {
  const TableDefinition definition = define_table(table_, schema);
  const TableDefinition& ledger = LedgerTable::definition();
  etl::Target target{"table \"" + table_.table + "\" in " + connection_.path, {}};
  struct Found {
    bool table = false;
    bool ledger = false;
  };
  Found found;
  if (file_exists()) {
    const auto seen = read_file(connection_, [&](Database& database) {
      return Found{exists_and_fits(database, definition, "table"),
                   exists_and_fits(database, ledger, "path")};
    });
    if (!seen) return {target.name + ", which its first load keeps locked", {}};
    found = *seen;
  }
  if (!found.table) {
    target.ddl = definition.create_sql() + ";\n";
    if (!found.ledger) target.ddl += ledger.create_sql() + ";\n";
  }
  return target;
}

void SqliteSink::prepare(const etl::Schema& schema) {
  const TableDefinition definition = define_table(table_, schema);
  (void)file_exists();
  for (bool told = false;; told = true) {
    try {
      create_tables(definition);
      return;
    } catch (const LockedError&) {
      if (!awaits_first_load(connection_.path)) throw;
      // That ends, however long it takes, and this run's partitions would have to wait for it, too.
      if (!told) connection_.context.info("waiting for the first load of " + connection_.path);
    }
  }
}

void SqliteSink::create_tables(const TableDefinition& definition) const {
  Database database(connection_, Database::Access::create);
  const bool empty = shape_if_empty(database);
  const auto create_missing = [&](const TableDefinition& table, const char* option, bool create) {
    if (exists_and_fits(database, table, option)) return true;
    if (create) database.execute(table.create_sql(), "creating table \"" + table.table + "\"");
    return false;
  };
  // Usually both are there, and another process that is loading need not be waited for.
  const bool has_table = create_missing(definition, "table", false);
  const bool has_ledger = create_missing(LedgerTable::definition(), "path", false);
  if (has_table && has_ledger) return;
  database.begin("creating table \"" + table_.table + "\"");
  if (empty) mark_for_first_load(database);
  create_missing(definition, "table", true);
  create_missing(LedgerTable::definition(), "path", true);
  database.commit("creating table \"" + table_.table + "\"");
}

std::vector<etl::LedgerRecord> SqliteSink::committed(std::string_view pipeline,
                                                     std::string_view sink) {
  std::error_code unreadable;
  if (!std::filesystem::exists(connection_.path, unreadable) && !unreadable) return {};
  using Records = std::vector<etl::LedgerRecord>;
  return read_file(connection_,
                   [&](Database& database) -> Records {
                     if (!exists_and_fits(database, LedgerTable::definition(), "path")) return {};
                     return LedgerTable(database).all(pipeline, sink);
                   })
      .value_or(Records{});
}

void SqliteSink::record(const etl::LedgerRecord& record) {
  if (record.state == etl::State::done) {
    throw Error(etl::Code::internal,
                "partition " + record.partition + ": done is for commit() to record");
  }
  const WriteGate::Hold hold = gate_.enter(connection_.context);
  const std::string doing = "recording partition " + record.partition + " as " +
                            std::string(etl::state_name(record.state));
  Database database(connection_, Database::Access::write);
  LoadTransaction load(database, doing);
  // Of two runs one may have loaded what the other could not: then `done` stays.
  (void)LedgerTable(database).put(record, LedgerTable::Replace::unless_done);
  load.commit(doing);
}

std::int64_t SqliteSink::forget(const etl::ForgetRequest& request, const etl::Schema& schema) {
  if (!file_exists()) return 0;
  const WriteGate::Hold hold = gate_.enter(connection_.context);
  Database database(connection_, Database::Access::write);
  if (!exists_and_fits(database, LedgerTable::definition(), "path")) return 0;
  const std::string& partition = request.partition.id;
  const std::string doing = "forgetting partition " + partition;
  database.begin(doing);
  LedgerTable ledger(database);
  const auto earlier = ledger.find(request.pipeline, request.source, request.sink, partition);
  if (!earlier) return 0;
  const bool has_rows = earlier->state == etl::State::done && earlier->rows_written > 0;
  const std::int64_t rows = request.delete_rows && has_rows
                                ? forget_rows(database, request, earlier->rows_written, schema)
                                : 0;
  ledger.remove(request.pipeline, request.source, request.sink, partition);
  database.commit(doing);
  return rows;
}

/// A reload of a table with a key leaves rows that it cannot tell, for the new ones replace them.
/// Here no new ones come: what cannot be told is refused, with a key or without.
std::int64_t SqliteSink::forget_rows(Database& database, const etl::ForgetRequest& request,
                                     std::int64_t rows_written, const etl::Schema& schema) const {
  const bool has_table = exists_and_fits(database, define_table(table_, schema), "table");
  const RemovedRows removed =
      has_table ? remove_rows(database, table_, schema, request.partition, rows_written)
                : RemovedRows{0, "the table is not there"};
  if (removed.refused.empty()) return removed.count;
  throw Error::permanent("cannot delete the rows of partition " + request.partition.id +
                         " from table \"" + table_.table + "\" in " + connection_.path + ": " +
                         removed.refused +
                         ". Nothing was changed; forget the partition without its rows, and "
                         "delete those yourself");
}

// Writers of this sink are not kept waiting, nor does it wait for them: the gate is tried, and
// other processes' locks are not waited for.
void SqliteSink::heartbeat(const etl::Heartbeat& beat) {
  if (!file_exists()) return;
  const std::optional<WriteGate::Hold> hold = gate_.try_enter();
  if (!hold) throw Error::transient("a partition is being written to " + connection_.path);
  ConnectionOptions impatient = connection_;
  impatient.busy_timeout = etl::Duration{0};
  Database database(impatient, Database::Access::write);
  const TableDefinition& table = RunningTable::definition();
  const bool there = exists_and_fits(database, table, "path");
  if (!there && beat.records.empty()) return;
  const std::string doing = "saying what run " + beat.run_id + " has in hand";
  database.begin(doing);
  if (!exists_and_fits(database, table, "path")) database.execute(table.create_sql(), doing);
  RunningTable(database).replace(beat);
  database.commit(doing);
}

std::vector<etl::RunningRecord> SqliteSink::running(std::string_view pipeline,
                                                    std::string_view sink) {
  std::error_code unreadable;
  if (!std::filesystem::exists(connection_.path, unreadable) && !unreadable) return {};
  using Records = std::vector<etl::RunningRecord>;
  return read_file(connection_,
                   [&](Database& database) -> Records {
                     if (!exists_and_fits(database, RunningTable::definition(), "path")) return {};
                     return RunningTable(database).all(pipeline, sink);
                   })
      .value_or(Records{});
}

std::int64_t SqliteSink::merge(SqliteSink& from, const etl::MergeRequest& request,
                               const etl::Schema& schema) {
  const std::string& other = from.connection_.path;
  if (resource_ == from.resource_)
    throw Error::config("cannot merge " + other + " into itself").about("path");
  const TableDefinition definition = define_table(table_, schema);
  {
    Database database(from.connection_, Database::Access::read);
    if (!exists_and_fits(database, definition, "table") ||
        !exists_and_fits(database, LedgerTable::definition(), "path")) {
      throw Error::permanent("there is no table \"" + table_.table + "\" with its ledger in " +
                             other);
    }
  }
  const WriteGate::Hold hold = gate_.enter(connection_.context);
  Database database(connection_, Database::Access::write);
  const std::string doing = "merging " + other;
  Statement(database, std::string("ATTACH ?1 AS ") + TableMerge::attached, doing).bind(other).run();
  LoadTransaction load(database, doing);
  const std::int64_t rows = TableMerge(database, table_, schema, other).run(request);
  load.commit(doing);
  return rows;
}

SqliteWriter SqliteSink::open(const etl::WriteRequest& request, const etl::Schema& schema) {
  TableDefinition definition = define_table(table_, schema);
  WriteGate::Hold hold = gate_.enter(connection_.context);
  std::unique_ptr<WriteConnection> connection = std::move(idle_);
  if (connection == nullptr || connection->batch.schema() != schema) {
    connection =
        std::make_unique<WriteConnection>(connection_, definition, schema, table_.timestamps);
  }
  return {{std::move(hold), std::move(connection), idle_, connection_.context},
          std::move(definition),
          table_,
          request};
}

}  // namespace sqlite
