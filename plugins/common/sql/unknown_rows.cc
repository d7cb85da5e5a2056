#include "plugins/common/sql/unknown_rows.hpp"

#include <etl/error.hpp>

namespace sql {
bool has_rows(Session& session, const TableDefinition& table, std::string_view condition) {
  std::int64_t rows = 0;
  session.query("looking for rows in table " + table.shown,
                "SELECT count(*) FROM (SELECT 1 FROM " + table.sql_name() + " WHERE " +
                    std::string(condition) + " LIMIT 1) AS one",
                {}, [&](const Row& row) { rows = row.integer(0); });
  return rows != 0;
}

void refuse_unknown_rows(Session& session, const TableDefinition& table,
                         const TableDefinition& ledger, bool has_ledger) {
  const auto is_loaded = [&] {
    return has_ledger && has_rows(session, ledger, "\"state\" = 'done'");
  };
  // Once more after the rows were seen: another run may just have committed the first ones.
  if (is_loaded() || !has_rows(session, table) || is_loaded()) return;
  throw etl::Error::config(
      "table " + table.shown + " has rows, but " +
      (has_ledger ? ledger.shown + " counts none" : "there is no " + ledger.shown) +
      ": if it was moved or restored, move or restore etl_ledger with it, or its rows would "
      "be loaded once more; if they are other rows, set existing_rows = \"keep\"")
      .about("table");
}

}  // namespace sql
