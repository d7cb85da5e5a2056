#include "plugins/common/sql/earlier_load.hpp"

#include <etl/error.hpp>

#include <array>
#include <variant>

namespace sql {
namespace {

struct DeletedRows {
  std::int64_t count = 0;
  std::string refused;  ///< why the rows cannot be identified; empty = they are deleted
};

/// `keep` counts before it deletes, for callers that go on when refused; `roll_back` saves that
/// scan, for callers that then end the transaction.
enum class IfRefused { keep, roll_back };

DeletedRows delete_rows(Session& session, const TableDefinition& table,
                        const etl::Partition& partition, std::int64_t rows_written,
                        IfRefused if_refused) {
  if (rows_written == 0) return {};
  const auto value = scope_value(partition.scope, table);
  if (!value) return {0, "no column identifies the partition's rows"};
  const std::string& column = partition.scope.column;
  const auto refused = [&](std::int64_t found) {
    return DeletedRows{0, count_mismatch(found, column, rows_written)};
  };
  const std::array params = {*value};
  // Qualified: SQLite treats a quoted name that matches no column as a string literal.
  std::string from = " FROM " + table.sql_name() + " WHERE " + quoted(table.table) + "." +
                     quoted(column) + " = " + table.dialect->placeholder(1);
  if (is_text(table.columns[table.columns.at(column)].type)) from += table.dialect->exact_text;
  const std::string doing = "deleting the earlier rows of partition \"" + partition.id + "\"";
  const auto count = [&] {
    std::int64_t found = 0;
    session.query(doing, "SELECT count(*)" + from, params,
                  [&](const Row& row) { found = row.integer(0); });
    return found;
  };
  if (if_refused == IfRefused::keep) {
    if (const std::int64_t found = count(); found != rows_written) return refused(found);
  }
  const std::int64_t deleted = session.query(doing, "DELETE" + from, params);
  if (deleted == rows_written) return {deleted, {}};
  if (const std::int64_t left = count(); left > 0) {
    throw etl::Error::permanent("cannot delete the earlier rows of partition \"" + partition.id +
                                "\" from table " + table.shown + ": " + std::to_string(left) +
                                " of them stay, because a trigger of the table skips them");
  }
  return refused(deleted);
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
  const auto earlier =
      ledger.find({request.pipeline, request.source, request.sink, request.partition.id},
                  request.reload ? LedgerTable::Lock::row : LedgerTable::Lock::none);
  if (!earlier || earlier->state != etl::State::done) return Replace::all_but_done;
  if (!request.reload) {
    throw etl::Error::conflict(partition + " is already done in " + ledger.definition().shown +
                               ", by run " + earlier->run_id);
  }
  const bool has_key = !table.key.empty();
  const DeletedRows deleted =
      delete_rows(ledger.session(), table, request.partition, earlier->rows_written,
                  has_key ? IfRefused::keep : IfRefused::roll_back);
  if (!deleted.refused.empty() && !has_key) {
    throw etl::Error::permanent(
        "cannot replace " + partition + " in table " + table.shown + ": " + deleted.refused +
        ". Nothing was changed. Use mode = \"upsert\" or a separate table; or delete the earlier "
        "rows yourself and forget the partition (etl state), which deletes its row of etl_ledger");
  }
  return Replace::all;
}

std::int64_t forget(const LedgerTable& ledger, const TableDefinition& table,
                    const etl::ForgetRequest& request, const std::function<bool()>& table_exists) {
  const LedgerTable::Key key{request.pipeline, request.source, request.sink, request.partition.id};
  const auto earlier = ledger.find(key, LedgerTable::Lock::row);
  if (!earlier) return 0;
  DeletedRows deleted;
  if (request.delete_rows && earlier->state == etl::State::done && earlier->rows_written > 0) {
    deleted = table_exists() ? delete_rows(ledger.session(), table, request.partition,
                                           earlier->rows_written, IfRefused::roll_back)
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
