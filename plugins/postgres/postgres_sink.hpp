/// \file
/// The stage `postgres`: loads rows into a table of a PostgreSQL database.
#pragma once

#include "plugins/common/sql/unknown_rows.hpp"
#include "plugins/common/sql/upsert_rules.hpp"
#include "plugins/postgres/connection/connection_pool.hpp"
#include "plugins/postgres/identifier.hpp"
#include "plugins/postgres/postgres_writer.hpp"

#include <etl/plugin.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postgres {

/// Writes rows into a table of a PostgreSQL database, each partition in one transaction together
/// with its row of etl_ledger, which is in the table's schema.
///
/// Every member may be called from several threads at once; each uses a connection of its own.
class PostgresSink {
 public:
  static constexpr auto name = "postgres";
  static constexpr auto summary = "Writes rows into a table of a PostgreSQL database";
  static constexpr auto options = etl::options(
      etl::optional<std::string>(
          "dsn", "\"\"",
          "Connection string: a postgresql:// URI or key=value pairs; what it "
          "leaves out comes from the PG* environment variables")
          .secret()
          .operational(),
      etl::required<std::string>(
          "table",
          "Table, as table or schema.table; created if missing. Letters keep their case; put "
          "a part that contains a dot in double quotes"),
      etl::optional<std::string>("mode", "\"append\"",
                                 "append adds rows; upsert replaces rows that have the same key")
          .one_of("append|upsert"),
      etl::optional<etl::Strings>(
          "key", "[]", "Columns that identify a row, for upsert; the primary key of a new table"),
      etl::optional<etl::Strings>("order", "", sql::order_help),
      etl::optional<etl::StringMap>("combine", "", sql::combine_help).one_of(sql::combine_values),
      etl::optional<std::string>("existing_rows", "\"refuse\"", sql::existing_rows_help)
          .one_of(sql::existing_rows_values)
          .operational());

  PostgresSink(const etl::Options& given, const etl::Context& context);

  /// Checks the columns' names, the key and the rules, without connecting.
  void check(const etl::Schema& schema) const;
  [[nodiscard]] etl::Target inspect(const etl::Schema& schema);
  void prepare(const etl::Schema& schema);

  [[nodiscard]] std::vector<etl::LedgerRecord> committed(std::string_view pipeline,
                                                         std::string_view sink);
  void record(const etl::LedgerRecord& record);

  [[nodiscard]] PostgresWriter open(const etl::WriteRequest& request, const etl::Schema& schema);
  /// See sql::forget().
  std::int64_t forget(const etl::ForgetRequest& request, const etl::Schema& schema);
  /// Uses a connection of its own, so that it never waits for a writer's.
  void heartbeat(const etl::Heartbeat& beat);
  [[nodiscard]] std::vector<etl::RunningRecord> running(std::string_view pipeline,
                                                        std::string_view sink);

 private:
  [[nodiscard]] TableName target(Connection& connection);
  [[nodiscard]] sql::TableDefinition definition(Connection& connection, const etl::Schema& schema);
  void write_heartbeat(Connection& connection, const etl::Heartbeat& beat);
  [[nodiscard]] std::vector<std::string> missing_ddl(Connection& connection,
                                                     const etl::Schema& schema);

  const etl::Context context_;
  const TableName table_;  // as given
  const etl::Strings key_;
  const sql::UpsertRules rules_;
  const bool keeps_existing_rows_;
  const Dsn dsn_;
  ConnectionPool pool_;
  std::mutex pulse_mutex_;
  std::unique_ptr<Connection> pulse_;  // guarded by pulse_mutex_; used by heartbeat() only
  std::once_flag warned_;
  std::mutex mutex_;
  std::optional<TableName> resolved_;  // guarded by mutex_
};

}  // namespace postgres
