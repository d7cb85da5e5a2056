#include "plugins/sqlite/sqlite_sink.hpp"

#include "plugins/common/sql/earlier_load.hpp"
#include "plugins/common/sql/running_table.hpp"
#include "plugins/sqlite/database/first_load.hpp"
#include "plugins/sqlite/table/table_fit.hpp"
#include "plugins/sqlite/table/table_merge.hpp"
#include "plugins/sqlite/table/triggers.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace sqlite {

using etl::Error;

namespace {

/// SQLite follows a symbolic link to a file that does not exist yet; weakly_canonical() does not.
std::string canonical_path(std::filesystem::path path) {
  namespace fs = std::filesystem;
  std::error_code unreadable;  // opening the file then reports why
  for (int links = 0; links < 40 && fs::is_symlink(path, unreadable); ++links) {
    path = path.parent_path() / fs::read_symlink(path, unreadable);
  }
  fs::path canonical = fs::weakly_canonical(fs::absolute(path, unreadable), unreadable);
  return (canonical.empty() ? path : canonical).string();
}

/// Reads from the file. Returns nothing while its first load has it locked: that may take long, and
/// there is no row to read yet.
template <class Read>
auto read_file(const ConnectionOptions& options, Read read)
    -> std::optional<std::invoke_result_t<Read, Database&>> {
  const bool is_new = awaits_first_load(options.path);
  ConnectionOptions impatient = options;
  if (is_new) impatient.busy_timeout = etl::Duration{0};
  try {
    Database database(impatient, Database::Access::read);
    return read(database);
  } catch (const LockedError&) {
    if (!is_new) throw;
    return std::nullopt;
  }
}

/// The records of a pipeline and sink; none if there is no file or no such table.
template <class Table>
auto read_records(const ConnectionOptions& options, const sql::TableDefinition& definition,
                  std::string_view pipeline, std::string_view sink) {
  using Records = decltype(std::declval<Table>().all(pipeline, sink));
  std::error_code unreadable;
  if (!std::filesystem::exists(options.path, unreadable) && !unreadable) return Records{};
  return read_file(options,
                   [&](Database& database) {
                     const bool exists = exists_and_fits(database, definition, "path");
                     return exists ? Table(database, definition).all(pipeline, sink) : Records{};
                   })
      .value_or(Records{});
}

}  // namespace

SqliteSink::SqliteSink(const etl::Options& values, const etl::Context& context)
    : connection_{values.get<etl::Path>("path").text, values.get<etl::Duration>("busy_timeout"),
                  context},
      table_{values.get<std::string>("table"),
             values.get<std::string>("mode") == "upsert",
             values.get<etl::Strings>("key"),
             values.get<std::string>("timestamps") == "unix" ? Timestamps::unix : Timestamps::text,
             connection_.path,
             sql::rules_from(values),
             values.get<std::string>("existing_rows") == "keep"},
      resource_(canonical_path(connection_.path)) {}

void SqliteSink::check(const etl::Schema& schema) const { (void)define_table(table_, schema); }

/// Throws Error (config, about "path") if the file cannot exist: its folder is missing, or the path
/// is a folder.
bool SqliteSink::file_exists() const {
  namespace fs = std::filesystem;
  const fs::path path(connection_.path);
  std::error_code unreadable;  // opening the file then reports why
  if (fs::is_directory(path, unreadable)) {
    throw Error::config(connection_.path + " is a folder, not a database file").about("path");
  }
  if (path.filename() == ":memory:") {
    throw Error::config("a database in memory ends with the run: name a file").about("path");
  }
  if (fs::exists(path, unreadable)) {
    if (!fs::is_regular_file(path, unreadable)) {
      throw Error::config(connection_.path + " is not a regular file").about("path");
    }
    require_one_name(connection_.path);
    return true;
  }
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, unreadable)) {
    throw Error::config("the folder " + folder.string() + " of " + connection_.path +
                        " does not exist")
        .about("path");
  }
  return false;
}

/// Throws Error (permanent) if this run has written to another file under the same path.
void SqliteSink::require_same_file() {
  const std::optional<FileIdentity> now = identity_of(connection_.path);
  if (file_ && now != file_) {
    throw Error::permanent(connection_.path +
                           " was replaced by another file, which lacks what this run has loaded: "
                           "put the first one back, or run again to fill the new one");
  }
  file_ = now;
}

etl::Target SqliteSink::inspect(const etl::Schema& schema) {
  const sql::TableDefinition definition = define_table(table_, schema);
  const sql::TableDefinition ledger = define_ledger(connection_.path);
  etl::Target target{"table " + definition.shown, {}};
  struct Found {
    bool table = false;
    bool ledger = false;
  };
  Found found;
  if (file_exists()) {
    const auto seen = read_file(connection_, [&](Database& database) {
      const Found there{exists_and_fits(database, definition, "table"),
                        exists_and_fits(database, ledger, "path")};
      if (there.table) refuse_unknown_rows(database, definition, there.ledger);
      return there;
    });
    if (!seen) return {target.name + " (locked by its first load)", {}};
    found = *seen;
  }
  if (sql::lacks_order(table_.rules, table_.key, schema))
    connection_.context.info(target.name + ": " + std::string(sql::lacking_order_note));
  if (!found.table) {
    target.ddl = definition.create_sql() + ";\n";
    if (!found.ledger) target.ddl += ledger.create_sql() + ";\n";
  }
  return target;
}

void SqliteSink::prepare(const etl::Schema& schema) {
  const sql::TableDefinition definition = define_table(table_, schema);
  (void)file_exists();
  for (bool logged = false;; logged = true) {
    try {
      create_tables(definition);
      return;
    } catch (const LockedError&) {
      if (!awaits_first_load(connection_.path)) throw;
      // However long that takes, this run's partitions would have to wait for it too.
      if (!logged) connection_.context.info("waiting for the first load of " + connection_.path);
    }
  }
}

void SqliteSink::create_tables(const sql::TableDefinition& definition) const {
  const sql::TableDefinition ledger = define_ledger(connection_.path);
  Database database(connection_, Database::Access::create);
  const bool empty = set_page_size_if_empty(database);
  const auto create_missing = [&](const sql::TableDefinition& table, const char* option,
                                  bool create) {
    if (exists_and_fits(database, table, option)) return true;
    if (create) database.execute(table.create_sql(), "creating table \"" + table.table + "\"");
    return false;
  };
  // Usually both exist, and there is no need to wait for another process that is loading.
  const bool has_table = create_missing(definition, "table", false);
  const bool has_ledger = create_missing(ledger, "path", false);
  if (has_table) refuse_unknown_rows(database, definition, has_ledger);
  if (has_table && has_ledger) return;
  database.begin("creating table \"" + table_.table + "\"");
  if (empty) mark_for_first_load(database);
  create_missing(definition, "table", true);
  create_missing(ledger, "path", true);
  database.commit("creating table \"" + table_.table + "\"");
}

/// Rows of a table with a key are replaced when they are loaded once more, unless they are added
/// up.
void SqliteSink::refuse_unknown_rows(Database& database, const sql::TableDefinition& definition,
                                     bool has_ledger) const {
  if (table_.keeps_existing_rows) return;
  if (!definition.key.empty() && !definition.rules.mixes_partitions()) return;
  sql::refuse_unknown_rows(database, definition, define_ledger(connection_.path), has_ledger);
}

/// The table for partitions with such a scope, whose column may have to decide which rows are
/// newer.
sql::TableDefinition SqliteSink::definition_for(const etl::Schema& schema,
                                                const etl::Scope& scope) const {
  sql::TableDefinition table = define_table(table_, schema);
  table.rules = sql::rules_for(table.rules, table.key, schema, scope);
  return table;
}

void SqliteSink::warn_of_order(const sql::TableDefinition& definition, const etl::Scope& scope) {
  if (std::exchange(warned_, true)) return;
  const std::string warning =
      sql::warn_of_order(table_.rules, definition.key, definition.columns, scope);
  if (!warning.empty()) connection_.context.warn("table " + definition.shown + ": " + warning);
}

std::vector<etl::LedgerRecord> SqliteSink::committed(std::string_view pipeline,
                                                     std::string_view sink) {
  std::vector<etl::LedgerRecord> records =
      read_records<sql::LedgerTable>(connection_, define_ledger(connection_.path), pipeline, sink);
  warn_if_empty(records);
  return records;
}

/// An empty table may be one from which all rows were deleted on purpose, so it is not an error.
void SqliteSink::warn_if_empty(const std::vector<etl::LedgerRecord>& records) {
  std::int64_t rows = 0;
  for (const etl::LedgerRecord& record : records)
    rows += record.state == etl::State::done ? record.rows_written : 0;
  if (rows == 0 || looked_at_rows_.exchange(true)) return;
  const std::optional<bool> empty =
      read_file(connection_, [&](Database& database) { return is_empty(database, table_.table); });
  if (!empty.value_or(false)) return;
  connection_.context.warn("table \"" + table_.table + "\" in " + connection_.path +
                           " is empty, but its ledger counts " + std::to_string(rows) +
                           (rows == 1 ? " row" : " rows") +
                           ": they were deleted, or the table was created anew. Forget their "
                           "partitions (etl state FILE forget '*') to load them again");
}

std::vector<etl::RunningRecord> SqliteSink::running(std::string_view pipeline,
                                                    std::string_view sink) {
  return read_records<sql::RunningTable>(connection_, define_running(connection_.path), pipeline,
                                         sink);
}

/// Calls `change` with a connection that is not in a transaction, and keeps it unless that throws.
template <class Change>
void SqliteSink::change_ledger(Change change) {
  const WriteGate::Hold hold = gate_.enter(connection_.context);
  std::unique_ptr<LedgerConnection> connection = std::move(ledger_);
  if (connection == nullptr || !connection->database.in_place())
    connection = std::make_unique<LedgerConnection>(connection_);
  connection->defer_syncs();
  change(connection->database);
  connection->report_memory();
  ledger_ = std::move(connection);
}

void SqliteSink::record(const etl::LedgerRecord& record) {
  const std::string doing = "recording partition " + record.partition + " as " +
                            std::string(etl::state_name(record.state));
  change_ledger([&](Database& database) {
    LoadTransaction load(database, doing);
    sql::LedgerTable(database, define_ledger(connection_.path)).record(record);
    load.commit(doing);
  });
}

std::int64_t SqliteSink::forget(const etl::ForgetRequest& request, const etl::Schema& schema) {
  if (!file_exists()) return 0;
  const std::string doing = "forgetting partition " + request.partition.id;
  const sql::TableDefinition table = define_table(table_, schema);
  std::int64_t rows = 0;
  change_ledger([&](Database& database) {
    const sql::LedgerTable ledger(database, define_ledger(connection_.path));
    if (!exists_and_fits(database, ledger.definition(), "path")) return;
    database.begin(doing);
    if (request.delete_rows) require_plain_deletes(database, table);
    rows = sql::forget(ledger, table, request,
                       [&] { return exists_and_fits(database, table, "table"); });
    database.commit(doing);
  });
  return rows;
}

// Waits neither for this sink's writers (it only tries the gate) nor for locks of other processes.
void SqliteSink::heartbeat(const etl::Heartbeat& beat) {
  if (!file_exists()) return;
  const std::optional<WriteGate::Hold> hold = gate_.try_enter();
  if (!hold) throw Error::transient("a partition is being written to " + connection_.path);
  ConnectionOptions impatient = connection_;
  impatient.busy_timeout = etl::Duration{0};
  Database database(impatient, Database::Access::write);
  const sql::TableDefinition table = define_running(connection_.path);
  if (!exists_and_fits(database, table, "path") && beat.records.empty()) return;
  const std::string doing = "writing the heartbeat of run " + beat.run_id;
  database.begin(doing);
  if (!exists_and_fits(database, table, "path")) database.execute(table.create_sql(), doing);
  sql::RunningTable(database, table).replace(beat);
  database.commit(doing);
}

std::int64_t SqliteSink::merge(SqliteSink& from, const etl::MergeRequest& request,
                               const etl::Schema& schema) {
  if (request.parts.empty()) return 0;
  const std::string& other = from.connection_.path;
  if (resource_ == from.resource_)
    throw Error::config("cannot merge " + other + " into itself").about("path");
  const sql::TableDefinition table = definition_for(schema, request.parts.front().partition.scope);
  {
    Database database(from.connection_, Database::Access::read);
    if (!exists_and_fits(database, table, "table") ||
        !exists_and_fits(database, define_ledger(other), "path")) {
      throw Error::permanent("there is no table \"" + table_.table + "\" with its ledger in " +
                             other);
    }
  }
  const WriteGate::Hold hold = gate_.enter(connection_.context);
  Database database(connection_, Database::Access::write);
  const std::string doing = "merging " + other;
  Statement(database, std::string("ATTACH ?1 AS ") + TableMerge::attached, doing).bind(other).run();
  LoadTransaction load(database, doing);
  const std::int64_t rows = TableMerge(database, table, other).run(request);
  load.commit(doing);
  return rows;
}

SqliteWriter SqliteSink::open(const etl::WriteRequest& request, const etl::Schema& schema) {
  WriteGate::Hold hold = gate_.enter(connection_.context);
  sql::TableDefinition definition = definition_for(schema, request.partition.scope);
  std::unique_ptr<WriteConnection> connection = std::move(idle_);
  if (connection == nullptr || connection->batch.schema() != schema ||
      connection->definition.rules != definition.rules) {
    connection =
        std::make_unique<WriteConnection>(connection_, std::move(definition), table_.timestamps);
  }
  require_same_file();
  warn_of_order(connection->definition, request.partition.scope);
  return {{std::move(hold), std::move(connection), idle_, connection_.context}, request};
}

}  // namespace sqlite
