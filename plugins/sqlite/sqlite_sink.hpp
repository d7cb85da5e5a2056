/// \file
/// The stage `sqlite`: a table of an SQLite database.
#pragma once

#include "sqlite_writer.hpp"

#include <etl/plugin.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sqlite {

/// Writes each partition and its ledger row in one transaction.
///
/// Threads: every member may be called from several threads at once. open() and record() wait for
/// each other's transactions within one sink for as long as those take; between sinks and
/// processes, for `busy_timeout`, after which they throw Error (transient).
///
/// A file that it creates uses SQLite's write-ahead log from the first load on, so that reading and
/// loading do not wait for each other; the journal of a file that exists is left as it is.
class SqliteSink {
 public:
  static constexpr auto name = "sqlite";
  static constexpr auto summary =
      "Writes rows into a table of an SQLite database, with the ledger.";
  static constexpr unsigned max_writers = 1;  // SQLite has one write lock a file
  static constexpr auto options = etl::options(
      etl::required<etl::Path>("path", "Database file; created in an existing folder.")
          .operational(),
      etl::required<std::string>("table", "Table; created from the columns that arrive."),
      etl::optional<std::string>("mode", "\"append\"",
                                 "append adds rows; upsert replaces the row that has the same key.")
          .one_of("append|upsert"),
      etl::optional<etl::Strings>("key", "[]",
                                  "Columns of the primary key; for mode = \"upsert\"."),
      etl::optional<std::string>(
          "timestamps", "\"text\"",
          "text writes YYYY-MM-DD HH:MM:SS (and .ffffff where it is not zero), UTC; "
          "unix the integer seconds, or microseconds for timestamp[us].")
          .one_of("text|unix"),
      etl::optional<etl::Duration>("busy_timeout", "\"30s\"",
                                   "How long to wait for another program's lock on the database.")
          .between(0, std::int64_t{24} * 3600 * 1000)
          .operational());

  SqliteSink(const etl::Options& values, const etl::Context& context);

  void check(const etl::Schema& schema) const;
  etl::Target inspect(const etl::Schema& schema);
  void prepare(const etl::Schema& schema);
  std::vector<etl::LedgerRecord> committed(std::string_view pipeline, std::string_view sink);
  void record(const etl::LedgerRecord& record);
  SqliteWriter open(const etl::WriteRequest& request, const etl::Schema& schema);
  /// The file, by one path for all spellings and symbolic links that lead to it.
  [[nodiscard]] std::string_view resource() const { return resource_; }
  /// Throws Error (permanent) where it cannot be said which rows of the table are the partition's.
  std::int64_t forget(const etl::ForgetRequest& request, const etl::Schema& schema);
  /// Throws Error (transient) while somebody writes to the file.
  void heartbeat(const etl::Heartbeat& beat);
  std::vector<etl::RunningRecord> running(std::string_view pipeline, std::string_view sink);
  /// See TableMerge. The table and the ledger have to be there.
  std::int64_t merge(SqliteSink& from, const etl::MergeRequest& request, const etl::Schema& schema);

 private:
  [[nodiscard]] bool file_exists() const;
  void create_tables(const TableDefinition& definition) const;
  std::int64_t forget_rows(Database& database, const etl::ForgetRequest& request,
                           std::int64_t rows_written, const etl::Schema& schema) const;

  ConnectionOptions connection_;
  TableOptions table_;
  std::string resource_;
  WriteGate gate_;
  std::unique_ptr<WriteConnection> idle_;  // guarded by gate_
};

}  // namespace sqlite
