#include "plugins/common/sql/has_rows.hpp"

#include <string>

namespace sql {

bool has_rows(Session& session, const TableDefinition& table, std::string_view condition) {
  std::int64_t rows = 0;
  session.query("looking for rows in table " + table.shown,
                "SELECT count(*) FROM (SELECT 1 FROM " + table.sql_name() + " WHERE " +
                    std::string(condition) + " LIMIT 1) AS one",
                {}, [&](const Row& row) { rows = row.integer(0); });
  return rows != 0;
}

}  // namespace sql
