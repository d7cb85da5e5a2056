#include "plugins/postgres/staging.hpp"

#include <etl/error.hpp>

#include <utility>

namespace postgres {
namespace {

// The names need not vary: temporary tables belong to a session, which loads one partition at a
// time.
constexpr const char* staging = "pg_temp.etl_staging";
constexpr const char* places = "pg_temp.etl_places";

std::string unused_name(const etl::Schema& schema) {
  std::string name = "etl_ordinal";
  while (schema.find(name)) name += "_";
  return name;
}

/// The columns of `from`, such that only equal bytes are equal.
std::string exact_columns(const etl::Schema& columns, const std::string& from) {
  return sql::joined(columns, [&](const etl::Field& field) {
    return from + "." + sql::quoted(field.name) +
           (etl::is_text(field.type) ? " COLLATE \"C\"" : "");
  });
}

std::string equal_keys(const etl::Strings& key) {
  const auto equal = [](const std::string& column) {
    return "stored." + sql::quoted(column) + " = sent." + sql::quoted(column);
  };
  return sql::joined(key, equal, " AND ");
}

/// Whether the row that is there is newer than the one sent, so that it rightly stays.
std::string is_newer(const etl::Strings& order) {
  if (order.empty()) return "false";
  const auto of = [&](const std::string& row) {
    return sql::joined(order, [&](const auto& column) { return row + "." + sql::quoted(column); });
  };
  return "(" + of("stored") + ") > (" + of("sent") + ")";
}

}  // namespace

Staging::Staging(Connection& connection, const sql::TableDefinition& table, std::string triggers)
    : connection_(connection),
      table_(table),
      triggers_(std::move(triggers)),
      ordinal_(sql::quoted(unused_name(table.columns))) {
  connection_.run("creating a temporary table",
                  std::string("CREATE TEMPORARY TABLE ") + staging + " ON COMMIT DROP AS SELECT " +
                      sql::column_list(table_.columns) + ", 0::bigint AS " + ordinal_ + " FROM " +
                      table_.sql_name() + " WITH NO DATA");
}

std::string Staging::copy_target() const {
  return std::string(staging) + " (" + sql::column_list(table_.columns) + ", " + ordinal_ + ")";
}

void Staging::move_rows() {
  const bool upserts = !table_.key.empty();
  if (upserts) merge();
  else add();
  if (triggers_.empty()) return;
  run_deferred_triggers();
  if (upserts) require_merged();
  else require_added();
}

// The value of a column in the one row that remains of all rows with the same key.
std::string Staging::merged_value(const etl::Field& field) const {
  const std::string name = sql::quoted(field.name);
  const std::string_view how = table_.rules.of(field.name);
  if (how == "last") return name;
  const std::string window = "(PARTITION BY " + sql::column_list(table_.key);
  if (how == "first")
    return "first_value(" + name + ") OVER " + window + " ORDER BY " + ordinal_ + ") AS " + name;
  const std::string value = std::string(how) + "(" + name + ") OVER " + window + ")";
  if (how != "sum" && how != "count") return value + " AS " + name;
  // A sum has a larger type, and fails if it does not fit.
  return "CAST(" + value + " AS " + std::string(table_.dialect->type(field.type)) + ") AS " + name;
}

// One row per key: the newest by the order, or else the last, with the combined values of all.
std::string Staging::merged_rows() const {
  const std::string key = sql::column_list(table_.key);
  std::string values;
  for (const etl::Field& field : table_.columns)
    values.append(values.empty() ? "" : ", ").append(merged_value(field));
  std::string newest_first;
  for (const std::string& column : table_.rules.order)
    newest_first.append(sql::quoted(column)).append(" DESC, ");
  return "SELECT DISTINCT ON (" + key + ") " + values + " FROM " + staging + " ORDER BY " + key +
         ", " + newest_first + ordinal_ + " DESC";
}

// In the order of the key, so that two runs with the same keys wait for each other instead of
// deadlocking.
void Staging::merge() {
  connection_.run("merging into table " + table_.shown,
                  "INSERT INTO " + table_.sql_name() + " AS " + std::string(sql::existing_row) +
                      " (" + sql::column_list(table_.columns) + ") " + merged_rows() +
                      table_.dialect->upsert(table_, ""));
}

// Keeps in mind where the rows are: nothing else tells them from equal ones that were there before.
void Staging::add() {
  connection_.run("creating a temporary table", std::string("CREATE TEMPORARY TABLE ") + places +
                                                    " (relation oid, place tid) ON COMMIT DROP");
  const std::string columns = sql::column_list(table_.columns);
  connection_.run("adding to table " + table_.shown,
                  "WITH added AS (INSERT INTO " + table_.sql_name() + " (" + columns + ") SELECT " +
                      columns + " FROM " + staging + " ORDER BY " + ordinal_ +
                      " RETURNING tableoid, ctid) INSERT INTO " + places +
                      " SELECT tableoid, ctid FROM added");
}

// They would otherwise run at COMMIT, after the rows have been compared.
void Staging::run_deferred_triggers() {
  connection_.run("running the deferred triggers of table " + table_.shown,
                  "SET CONSTRAINTS ALL IMMEDIATE");
}

std::int64_t Staging::count(const std::string& rows) {
  return connection_
      .run("comparing the rows of table " + table_.shown,
           "SELECT count(*) FROM (" + rows + ") AS counted")
      .integer(0, 0);
}

// Not by the number of rows that the server has written: a trigger may rightly skip an update that
// changes nothing.
void Staging::require_merged() {
  const std::string sent = merged_rows();
  const std::int64_t lacking =
      count("SELECT 1 FROM (" + sent + ") AS sent WHERE NOT EXISTS (SELECT 1 FROM " +
            table_.sql_name() + " AS stored WHERE " + equal_keys(table_.key) + " AND (ROW(" +
            exact_columns(table_.columns, "stored") + ") IS NOT DISTINCT FROM ROW(" +
            exact_columns(table_.columns, "sent") + ") OR " + is_newer(table_.rules.order) + "))");
  require_none_lacking(lacking, lacking == 0 ? 0 : count(sent));
}

void Staging::require_added() {
  const std::int64_t lacking =
      count("SELECT " + exact_columns(table_.columns, "sent") + " FROM " + staging +
            " AS sent EXCEPT ALL SELECT " + exact_columns(table_.columns, "stored") + " FROM " +
            places + " AS at JOIN " + table_.sql_name() +
            " AS stored ON stored.tableoid = at.relation AND stored.ctid = at.place");
  require_none_lacking(lacking, lacking == 0 ? 0 : count(std::string("SELECT 1 FROM ") + staging));
}

void Staging::require_none_lacking(std::int64_t lacking, std::int64_t sent) const {
  if (lacking == 0) return;
  throw etl::Error::permanent("table " + table_.shown + " does not have " +
                              std::to_string(lacking) + " of " + std::to_string(sent) +
                              " rows as they were sent: its triggers (" + triggers_ +
                              ") drop or change some");
}

}  // namespace postgres
