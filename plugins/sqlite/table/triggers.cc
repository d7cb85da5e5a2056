#include "plugins/sqlite/table/triggers.hpp"

#include "plugins/sqlite/table/dialect.hpp"
#include "plugins/sqlite/table/table_definition.hpp"

#include <algorithm>
#include <functional>
#include <vector>

namespace sqlite {
namespace {

/// Learns what triggers do from SQLite itself, which reports every access while it compiles a
/// statement together with the triggers that it fires.
class AccessReport {
 public:
  AccessReport(Database& database, const sql::TableDefinition& table)
      : database_(database), table_(table) {
    sqlite3_set_authorizer(database_.handle(), &AccessReport::on_access, this);
  }
  AccessReport(const AccessReport&) = delete;
  AccessReport& operator=(const AccessReport&) = delete;
  ~AccessReport() { sqlite3_set_authorizer(database_.handle(), nullptr, nullptr); }

  [[nodiscard]] std::string text() const { return sql::joined(found_, std::identity(), "; "); }

 private:
  // Called from C: must not throw.
  static int on_access(void* self, int action, const char* table, const char* column,
                       const char* schema, const char* trigger) noexcept {
    if (trigger == nullptr || table == nullptr || schema == nullptr) return SQLITE_OK;
    try {
      static_cast<AccessReport*>(self)->add(action, table, column == nullptr ? "" : column,
                                            trigger);
      return SQLITE_OK;
    } catch (...) {
      return SQLITE_DENY;
    }
  }

  void add(int action, std::string_view table, std::string_view column,
           const std::string& trigger) {
    if (!same_name(table, table_.table)) return;
    std::string what;
    if (action == SQLITE_INSERT) what = "inserts rows";
    if (action == SQLITE_DELETE) what = "deletes rows";
    if (action == SQLITE_UPDATE && loads(column)) what = "changes column " + sql::quoted(column);
    if (what.empty()) return;
    what.insert(0, "trigger " + sql::quoted(trigger) + " ");
    if (std::ranges::find(found_, what) == found_.end()) found_.push_back(std::move(what));
  }

  [[nodiscard]] bool loads(std::string_view column) const {
    return std::ranges::any_of(
        table_.columns, [&](const etl::Field& field) { return same_name(field.name, column); });
  }

  Database& database_;
  const sql::TableDefinition& table_;
  std::vector<std::string> found_;
};

std::string statement_on(const sql::TableDefinition& table, Rows rows) {
  if (rows == Rows::deleted) return "DELETE FROM " + table.sql_name() + " WHERE false";
  std::string nothing;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    nothing += (i == 0 ? "(SELECT NULL AS c" : ", NULL AS c") + std::to_string(i);
  }
  return insert_from(table, nothing + ")");
}

}  // namespace

bool has_triggers(Database& database, const sql::TableDefinition& table) {
  Statement triggers(database,
                     "SELECT 1 FROM main.sqlite_master"
                     " WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE",
                     "looking for triggers of table \"" + table.table + "\"");
  return triggers.bind(table.table).step();
}

std::string harmful_triggers(Database& database, const sql::TableDefinition& table, Rows rows) {
  if (!has_triggers(database, table)) return {};
  const AccessReport report(database, table);
  const Statement compiled(database, statement_on(table, rows),
                           "compiling the triggers of table \"" + table.table + "\"");
  return report.text();
}

void require_plain_deletes(Database& database, const sql::TableDefinition& table) {
  const std::string harmful = harmful_triggers(database, table, Rows::deleted);
  if (harmful.empty()) return;
  throw etl::Error::permanent("cannot delete exactly the partition's rows from table " +
                              table.shown + ": " + harmful);
}

}  // namespace sqlite
