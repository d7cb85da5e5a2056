#include "plugins/postgres/server_table.hpp"

#include "plugins/common/sql/table_fit.hpp"
#include "plugins/postgres/tables.hpp"

#include <algorithm>
#include <array>

namespace postgres {
namespace {

/// A table as the server's catalogs describe it.
struct Found {
  sql::ExistingTable existing;
  std::vector<std::size_t> lengths;  ///< of `existing.columns`
  std::string triggers;
};

/// Runs a query of the catalogs whose parameter is the table's name.
Result ask(Connection& connection, const std::string& what, const sql::TableDefinition& table,
           const std::string& query) {
  return connection.run("reading the " + what + " of " + table.shown, query,
                        std::array<sql::Value, 1>{table.sql_name()});
}

// A type of the user may be called like a built-in one, whose object identifiers are below 16384.
void read_columns(Connection& connection, const sql::TableDefinition& table, Found& found) {
  const Result result =
      ask(connection, "columns", table,
          "SELECT a.attname, CASE WHEN a.atttypid < 16384 THEN format_type(a.atttypid, a.atttypmod)"
          " ELSE '' END, format_type(a.atttypid, a.atttypmod), a.attnotnull::int,"
          " (a.atthasdef OR a.attidentity <> '')::int,"
          " (a.attgenerated <> '' OR a.attidentity = 'a')::int,"
          " CASE WHEN a.atttypid = 'varchar'::regtype AND a.atttypmod > 4"
          " THEN a.atttypmod - 4 ELSE 0 END, coalesce(l.collname, '')"
          " FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_collation l"
          " ON l.oid = a.attcollation AND NOT l.collisdeterministic"
          " WHERE a.attrelid = to_regclass($1) AND a.attnum > 0"
          " AND NOT a.attisdropped ORDER BY a.attnum");
  for (int row = 0; row < result.rows(); ++row) {
    const std::string name(result.text(row, 0));
    found.existing.columns.push_back({name, std::string(result.text(row, 1)),
                                      std::string(result.text(row, 2)), result.text(row, 3) == "1",
                                      result.text(row, 4) == "1", result.text(row, 5) == "1"});
    found.lengths.push_back(static_cast<std::size_t>(result.integer(row, 6)));
    const std::string_view collation = result.text(row, 7);
    if (!table.has_key_column(name) || collation.empty()) continue;
    found.existing.faults.push_back("column \"" + name + "\" of the key has the collation \"" +
                                    std::string(collation) +
                                    "\", under which different texts are equal");
  }
}

// The indexes that ON CONFLICT can name (unique, not partial, on columns only, not deferrable), and
// for which only equal bytes are equal.
void read_unique_keys(Connection& connection, const sql::TableDefinition& table, Found& found) {
  const Result result =
      ask(connection, "indexes", table,
          "SELECT i.indexrelid, a.attname FROM pg_catalog.pg_index i"
          " CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)"
          " JOIN pg_catalog.pg_attribute a"
          " ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
          " WHERE i.indrelid = to_regclass($1) AND i.indisunique"
          " AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL"
          " AND i.indexprs IS NULL AND k.n <= i.indnkeyatts"
          " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_collation l"
          " WHERE l.oid = ANY (i.indcollation::oid[]) AND NOT l.collisdeterministic)"
          " ORDER BY i.indexrelid");
  std::vector<etl::Strings>& keys = found.existing.unique_keys;
  for (int row = 0; row < result.rows(); ++row) {
    if (row == 0 || result.text(row, 0) != result.text(row - 1, 0)) keys.emplace_back();
    keys.back().emplace_back(result.text(row, 1));
  }
}

/// Why rows in a relation of this kind and persistence are not as durable as the ledger; empty if
/// they are.
std::string fault_of(std::string_view kind, std::string_view persistence) {
  if (kind != "r" && kind != "p") {
    return "is not a table of this database, so its rows and the ledger would not commit together";
  }
  if (persistence == "t") return "is temporary: its rows are gone when the session ends";
  if (persistence == "u") {
    return "is UNLOGGED: after a crash of the server it is empty, but the ledger is not; use ALTER "
           "TABLE ... SET LOGGED";
  }
  return {};
}

// The table and its partitions. Triggers are those of INSERT (4) and UPDATE (16) that are not the
// server's own; rules are those of UPDATE (2) and INSERT (3).
void read_relations(Connection& connection, const sql::TableDefinition& table, Found& found) {
  const Result result = ask(
      connection, "properties", table,
      "WITH RECURSIVE tree AS (SELECT to_regclass($1)::oid AS oid, 0 AS level UNION ALL"
      " SELECT i.inhrelid, level + 1 FROM tree JOIN pg_catalog.pg_inherits i"
      " ON i.inhparent = tree.oid JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid"
      " WHERE c.relispartition)"
      " SELECT level, c.oid::regclass, c.relkind, c.relpersistence, current_user,"
      " (level = 0 AND row_security_active(c.oid))::int,"
      " (SELECT string_agg(quote_ident(tgname), ', ' ORDER BY tgname) FROM pg_catalog.pg_trigger"
      " WHERE tgrelid = c.oid AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 20 <> 0),"
      " (SELECT string_agg(quote_ident(rulename), ', ' ORDER BY rulename)"
      " FROM pg_catalog.pg_rewrite WHERE ev_class = c.oid AND ev_enabled <> 'D'"
      " AND ev_type IN ('2', '3') AND level = 0)"
      " FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid ORDER BY level, c.oid");
  etl::Strings& faults = found.existing.faults;
  for (int row = 0; row < result.rows(); ++row) {
    const bool is_root = result.integer(row, 0) == 0;
    const std::string fault = fault_of(result.text(row, 2), result.text(row, 3));
    if (!fault.empty()) {
      faults.push_back(
          (is_root ? "it " : "its partition " + std::string(result.text(row, 1)) + " ") + fault);
    }
    if (result.integer(row, 5) != 0) {
      faults.push_back("row-level security hides rows of it from role \"" +
                       std::string(result.text(row, 4)) +
                       "\": use its owner, or a role with BYPASSRLS");
    }
    if (const std::string_view names = result.text(row, 6); !names.empty())
      found.triggers.append(found.triggers.empty() ? "" : ", ").append(names);
    const std::string_view rules = result.text(row, 7);  // of the table itself, which comes first
    if (!rules.empty() && (!table.key.empty() || !found.triggers.empty())) {
      faults.push_back("rules (" + std::string(rules) +
                       ") rewrite its INSERT or UPDATE, which an upsert, or a check of triggers, "
                       "does not allow");
    }
  }
}

}  // namespace

std::optional<ServerTable> read_table(Connection& connection, const sql::TableDefinition& table) {
  if (!exists(connection, table)) return std::nullopt;
  Found found;
  read_columns(connection, table, found);
  read_relations(connection, table, found);
  if (table.rules.mixes_partitions() && !found.triggers.empty()) {
    found.existing.faults.push_back("its triggers (" + found.triggers +
                                    ") may drop or change rows, which cannot be noticed where "
                                    "combine adds them to others");
  }
  if (!table.key.empty()) read_unique_keys(connection, table, found);
  sql::require_fit(table, found.existing, "table");
  ServerTable known{std::move(found.triggers), {}};
  for (const etl::Field& field : table.columns) {
    const auto& columns = found.existing.columns;
    const auto at = std::ranges::find(columns, field.name, &sql::ExistingTable::Column::name);
    known.lengths.push_back(found.lengths[static_cast<std::size_t>(at - columns.begin())]);
  }
  return known;
}

}  // namespace postgres
