/// \file
/// The stage `sqlite`: loads rows into a table of an SQLite database.
#pragma once

#include "plugins/common/sql/unknown_rows.hpp"
#include "plugins/common/sql/upsert_rules.hpp"
#include "plugins/sqlite/database/file_place.hpp"
#include "plugins/sqlite/ledger_connection.hpp"
#include "plugins/sqlite/sqlite_writer.hpp"

#include <etl/plugin.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sqlite {

/// Writes each partition and its ledger row in one transaction.
///
/// Every member may be called from several threads at once. Within one sink, open() and record()
/// wait for each other's transactions without limit; for those of other sinks and processes they
/// wait `busy_timeout`, then throw Error (transient).
///
/// A new file uses SQLite's write-ahead log once its first load is committed, so that readers and
/// loads do not wait for each other. An existing file keeps its journal.
class SqliteSink {
 public:
  static constexpr auto name = "sqlite";
  static constexpr auto summary =
      "Writes rows into a table of an SQLite database, with the ledger.";
  static constexpr unsigned max_writers = 1;  // SQLite has one write lock per file
  static constexpr auto options = etl::options(
      etl::required<etl::Path>("path", "Database file; created if missing, in an existing folder.")
          .operational(),
      etl::required<std::string>("table", "Table; created from the input's columns if missing."),
      etl::optional<std::string>("mode", "\"append\"",
                                 "append adds rows; upsert replaces rows that have the same key.")
          .one_of("append|upsert"),
      etl::optional<etl::Strings>("key", "[]",
                                  "Columns of the primary key; for mode = \"upsert\"."),
      etl::optional<std::string>(
          "timestamps", "\"text\"",
          "text writes YYYY-MM-DD HH:MM:SS in UTC, with .ffffff unless zero; "
          "unix writes integer seconds, or microseconds for timestamp[us].")
          .one_of("text|unix"),
      etl::optional<etl::Duration>("busy_timeout", "\"30s\"",
                                   "Time to wait for another program's lock on the database.")
          .between(0, std::int64_t{24} * 3600 * 1000)
          .operational(),
      etl::optional<etl::Strings>("order", "", sql::order_help),
      etl::optional<etl::StringMap>("combine", "", sql::combine_help).one_of(sql::combine_values),
      etl::optional<std::string>("existing_rows", "\"refuse\"", sql::existing_rows_help)
          .one_of(sql::existing_rows_values)
          .operational());

  SqliteSink(const etl::Options& values, const etl::Context& context);

  void check(const etl::Schema& schema) const;
  etl::Target inspect(const etl::Schema& schema);
  void prepare(const etl::Schema& schema);
  std::vector<etl::LedgerRecord> committed(std::string_view pipeline, std::string_view sink);
  void record(const etl::LedgerRecord& record);
  SqliteWriter open(const etl::WriteRequest& request, const etl::Schema& schema);
  /// The file's canonical path: the same for all spellings and symbolic links.
  [[nodiscard]] std::string_view resource() const { return resource_; }
  /// See sql::forget().
  std::int64_t forget(const etl::ForgetRequest& request, const etl::Schema& schema);
  /// Throws Error (transient) while another connection writes to the file.
  void heartbeat(const etl::Heartbeat& beat);
  std::vector<etl::RunningRecord> running(std::string_view pipeline, std::string_view sink);
  /// See TableMerge. REQUIRES: `from` has the table and the ledger.
  std::int64_t merge(SqliteSink& from, const etl::MergeRequest& request, const etl::Schema& schema);

 private:
  [[nodiscard]] bool file_exists() const;
  void require_same_file();
  void warn_if_empty(const std::vector<etl::LedgerRecord>& records);
  void refuse_unknown_rows(Database& database, const sql::TableDefinition& definition,
                           bool has_ledger) const;
  [[nodiscard]] sql::TableDefinition definition_for(const etl::Schema& schema,
                                                    const etl::Scope& scope) const;
  void warn_of_order(const sql::TableDefinition& definition, const etl::Scope& scope);
  template <class Change>
  void change_ledger(Change change);
  void create_tables(const sql::TableDefinition& definition) const;

  ConnectionOptions connection_;
  TableOptions table_;
  std::string resource_;
  WriteGate gate_;
  std::atomic<bool> looked_at_rows_ = false;
  std::unique_ptr<WriteConnection> idle_;     // guarded by gate_
  std::unique_ptr<LedgerConnection> ledger_;  // guarded by gate_
  std::optional<FileIdentity> file_;          // guarded by gate_: that of the first partition
  bool warned_ = false;                       // guarded by gate_
};

}  // namespace sqlite
