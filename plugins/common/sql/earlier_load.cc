#include "plugins/common/sql/earlier_load.hpp"

#include "plugins/common/sql/unknown_rows.hpp"

#include <etl/error.hpp>

#include <array>
#include <variant>

namespace sql {
namespace {

struct DeletedRows {
  std::int64_t count = 0;
  std::string refused;  ///< why the rows cannot be identified; empty = they are deleted
};

/// Deletes the rows that have the partition's value in the column of its scope, and returns their
/// number. `expected` is the number of those that are the partition's. No rows may be left.
std::int64_t delete_scope(Session& session, const TableDefinition& table,
                          const etl::Partition& partition, const Value& value,
                          std::int64_t expected) {
  const std::string& column = partition.scope.column;
  const std::array params = {value};
  // Qualified: SQLite treats a quoted name that matches no column as a string literal.
  std::string from = " FROM " + table.sql_name() + " WHERE " + quoted(table.table) + "." +
                     quoted(column) + " = " + table.dialect->placeholder(1);
  if (is_text(table.columns[table.columns.at(column)].type)) from += table.dialect->exact_text;
  const std::string doing = "deleting the earlier rows of partition \"" + partition.id + "\"";
  const std::int64_t deleted = session.query(doing, "DELETE" + from, params);
  std::int64_t left = 0;
  session.query(doing, "SELECT count(*)" + from, params,
                [&](const Row& row) { left = row.integer(0); });
  if (left == 0) return deleted;
  const std::string failed = "cannot delete the earlier rows of partition \"" + partition.id +
                             "\" from table " + table.shown + ": ";
  if (deleted + left == expected) {
    throw etl::Error::permanent(failed + std::to_string(left) +
                                (left == 1 ? " of them remains" : " of them remain") +
                                ", because a trigger or rule of the table skips them");
  }
  throw etl::Error::transient(failed + std::to_string(left) + (left == 1 ? " row" : " rows") +
                              " with its value of column \"" + column +
                              (left == 1 ? "\" has" : "\" have") +
                              " reappeared: a trigger restores them, or another program has just "
                              "added them");
}

constexpr const char* inseparable =
    "combine has added its rows to those of other partitions, and no column of the key tells them "
    "apart";

/// Deletes the partition's rows, or none if they cannot be identified. A single statement finds and
/// deletes them: between a count and a DELETE, another run could commit rows with the same value.
/// It is fine if none are left, as after retention or in a new table.
DeletedRows delete_rows(const LedgerTable& ledger, const TableDefinition& table,
                        const LedgerTable::Key& key, const etl::Partition& partition,
                        std::int64_t rows_written) {
  if (rows_written == 0) return {};
  Session& session = ledger.session();
  const bool is_mixed = table.rules.mixes_partitions();
  const auto value = scope_value(partition.scope, table);
  const bool separable = !is_mixed || table.has_key_column(partition.scope.column);
  if ((!value || !separable) && !has_rows(session, table)) return {};
  if (!separable) return {0, inseparable};
  if (!value) return {0, "no column identifies the partition's rows"};
  constexpr std::string_view doing = "setting a savepoint";
  session.query(doing, "SAVEPOINT etl_delete", {});
  DeletedRows deleted{delete_scope(session, table, partition, *value, rows_written), {}};
  // combine turns the written rows into fewer, so their number does not show whose they
  // are; then nothing else may have loaded such a partition.
  const bool own = is_mixed ? deleted.count <= rows_written && !ledger.has_namesake(key)
                            : deleted.count == rows_written;
  if (!own && deleted.count != 0) {
    session.query("keeping the rows of other partitions", "ROLLBACK TO SAVEPOINT etl_delete", {});
    deleted = {0, count_mismatch(deleted.count, partition.scope.column, rows_written)};
  }
  session.query(doing, "RELEASE SAVEPOINT etl_delete", {});
  return deleted;
}

}  // namespace

std::string count_mismatch(std::int64_t found, const std::string& column,
                           std::int64_t rows_written) {
  return "the table has " + std::to_string(found) + (found == 1 ? " row" : " rows") +
         " with the partition's value of column \"" + column + "\", but the ledger counts " +
         std::to_string(rows_written) +
         ": other rows share the value, or some were changed or deleted since";
}

std::optional<Value> scope_value(const etl::Scope& scope, const TableDefinition& table) {
  const auto position = scope.column.empty() ? std::nullopt : table.columns.find(scope.column);
  if (!position) return std::nullopt;
  const etl::Type type = table.columns[*position].type;
  if (const auto* text = std::get_if<std::string>(&scope.value)) {
    return etl::is_text(type) ? std::optional<Value>(*text) : std::nullopt;
  }
  const std::int64_t number = std::get<std::int64_t>(scope.value);
  if (type == etl::Type::int32 || type == etl::Type::int64) return number;
  return etl::is_timestamp(type) ? table.dialect->timestamp(type, number) : std::nullopt;
}

Replace make_way(const LedgerTable& ledger, const TableDefinition& table,
                 const etl::WriteRequest& request) {
  const std::string partition = "partition \"" + request.partition.id + "\"";
  const LedgerTable::Key key{request.pipeline, request.source, request.sink, request.partition.id};
  const auto earlier =
      ledger.find(key, request.reload ? LedgerTable::Lock::row : LedgerTable::Lock::none);
  if (!earlier || earlier->state != etl::State::done) return Replace::all_but_done;
  if (!request.reload) {
    throw etl::Error::conflict(partition + " is already done in " + ledger.definition().shown +
                               ", by run " + earlier->run_id);
  }
  const bool replaces_by_key = !table.key.empty() && !table.rules.mixes_partitions();
  const DeletedRows deleted =
      delete_rows(ledger, table, key, request.partition, earlier->rows_written);
  if (deleted.refused.empty() || replaces_by_key) return Replace::all;
  throw etl::Error::permanent(
      "cannot replace " + partition + " in table " + table.shown + ": " + deleted.refused +
      ". Nothing was changed. " +
      (table.key.empty()
           ? "Use mode = \"upsert\" or a separate table; or delete the earlier rows yourself and "
             "forget the partition (etl state), which deletes its row of etl_ledger"
           : "Load all partitions into a new table"));
}

std::int64_t forget(const LedgerTable& ledger, const TableDefinition& table,
                    const etl::ForgetRequest& request, const std::function<bool()>& table_exists) {
  const LedgerTable::Key key{request.pipeline, request.source, request.sink, request.partition.id};
  const auto earlier = ledger.find(key, LedgerTable::Lock::row);
  if (!earlier) return 0;
  DeletedRows deleted;
  if (request.delete_rows && earlier->state == etl::State::done && earlier->rows_written > 0) {
    deleted = table_exists()
                  ? delete_rows(ledger, table, key, request.partition, earlier->rows_written)
                  : DeletedRows{0, "the table does not exist"};
  }
  if (!deleted.refused.empty()) {
    throw etl::Error::permanent("cannot delete the rows of partition \"" + request.partition.id +
                                "\" from table " + table.shown + ": " + deleted.refused +
                                ". Nothing was changed; forget the partition without its rows, "
                                "and delete those yourself");
  }
  ledger.remove(key);
  return deleted.count;
}

}  // namespace sql
