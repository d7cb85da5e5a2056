#include "plugins/sqlite/table/row_check.hpp"

#include "plugins/sqlite/table/table_fit.hpp"
#include "plugins/sqlite/table/triggers.hpp"

namespace sqlite {

Violations violations(Database& database, const sql::TableDefinition& table) {
  return has_conflict_clause(database, table.table) ? Violations::fail : Violations::as_declared;
}

bool lacks_rows(Database& database, const sql::TableDefinition& table, std::string_view from) {
  if (table.key.empty()) return true;
  const bool may_skip = may_skip_rows(table);
  if (may_skip && !has_triggers(database, table)) return false;
  // What a skipped row would have added to others cannot be seen.
  if (!may_skip && table.rules.mixes_partitions()) return true;
  Statement lacking(database, count_lacking(table, from),
                    "looking for rows in table \"" + table.table + "\"");
  lacking.step();
  return lacking.integer(0) != 0;
}

}  // namespace sqlite
