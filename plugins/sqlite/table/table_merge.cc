#include "plugins/sqlite/table/table_merge.hpp"

#include "plugins/common/sql/earlier_load.hpp"
#include "plugins/sqlite/table/row_check.hpp"
#include "plugins/sqlite/table/table_definition.hpp"

#include <etl/error.hpp>

#include <array>
#include <map>
#include <vector>

namespace sqlite {
namespace {

const std::string in_merge = " COLLATE BINARY IN (SELECT value FROM temp.etl_merge)";

}  // namespace

/// Partitions whose rows are identified by the same column.
struct TableMerge::ColumnScopes {
  struct Part {
    std::string partition;
    sql::Value value;
    std::int64_t rows_written = 0;
  };
  std::string column;
  std::vector<Part> parts;
};

TableMerge::TableMerge(Database& database, sql::TableDefinition table, std::string from)
    : database_(database),
      table_(std::move(table)),
      ledger_(database, define_ledger(database.path())),
      from_ledger_(database, define_ledger(from, attached)),
      from_(std::move(from)) {}

std::int64_t TableMerge::run(const etl::MergeRequest& request) {
  std::map<std::string, ColumnScopes> by_column;
  std::int64_t rows_written = 0;
  std::int64_t with_rows = 0;
  std::string unidentified;  // a partition with rows that no column identifies
  for (const etl::MergeRequest::Part& part : request.parts) {
    const std::int64_t rows = copy_record(request, part);
    rows_written += rows;
    if (rows == 0) continue;
    ++with_rows;
    const etl::Scope& scope = part.partition.scope;
    auto value = sql::scope_value(scope, table_);
    const bool is_mixed = table_.rules.mixes_partitions() && !table_.has_key_column(scope.column);
    if (!value || is_mixed) {
      unidentified = part.partition.id;
      continue;
    }
    ColumnScopes& scopes = by_column[scope.column];
    scopes.column = scope.column;
    scopes.parts.push_back({part.partition.id, *std::move(value), rows});
  }
  if (holds_nothing_else(request, with_rows, rows_written)) return copy("true");
  if (!unidentified.empty()) refuse(unidentified, "no column identifies the partition's rows");
  std::int64_t copied = 0;
  for (const auto& [column, scopes] : by_column) {
    stage(scopes);
    require_counts(scopes);
    copied += copy(sql::quoted(column) + in_merge);
  }
  return copied;
}

/// Returns the number of rows that the record says were written.
std::int64_t TableMerge::copy_record(const etl::MergeRequest& request,
                                     const etl::MergeRequest::Part& part) {
  const auto record =
      from_ledger_.find({request.pipeline, part.source, request.sink, part.partition.id});
  if (!record || record->state != etl::State::done) {
    throw etl::Error::conflict("partition " + part.partition.id + " is no longer done in " + from_);
  }
  if (!ledger_.put(*record, sql::Replace::all_but_done)) {
    throw etl::Error::conflict("partition " + part.partition.id + " is already done in " +
                               database_.path());
  }
  return record->rows_written;
}

/// Whether the other table holds the rows of these partitions and no others. With a key it may have
/// fewer than were written: later rows have replaced earlier ones.
bool TableMerge::holds_nothing_else(const etl::MergeRequest& request, std::int64_t with_rows,
                                    std::int64_t rows_written) {
  Statement done(database_,
                 "SELECT count(*) FROM task.etl_ledger WHERE pipeline = ?1 AND sink = ?2"
                 " AND state = 'done' AND rows_written > 0",
                 "reading etl_ledger of " + from_);
  done.bind(request.pipeline, request.sink);
  done.step();
  if (done.integer(0) != with_rows) return false;
  const std::int64_t rows = count("SELECT count(*) FROM task." + sql::quoted(table_.table));
  return table_.key.empty() ? rows == rows_written : rows <= rows_written;
}

/// Puts the values that identify the rows into a temporary table.
void TableMerge::stage(const ColumnScopes& scopes) {
  const std::string doing = "merging " + from_;
  database_.execute(
      "DROP TABLE IF EXISTS temp.etl_merge;"
      "CREATE TEMP TABLE etl_merge (value PRIMARY KEY, rows_written, \"partition\")",
      doing);
  for (const ColumnScopes::Part& part : scopes.parts) {
    // Sources of one pipeline may share a value; their rows are then counted together.
    database_.query(doing,
                    "INSERT INTO temp.etl_merge VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET"
                    " rows_written = rows_written + excluded.rows_written",
                    std::array<sql::Value, 3>{part.value, part.rows_written, part.partition},
                    nullptr);
  }
}

/// Counts in a table of its own: GROUP BY would sort the whole column in memory.
void TableMerge::require_counts(const ColumnScopes& scopes) {
  const std::string doing = "counting the rows of partitions in " + from_;
  const std::string column = sql::quoted(scopes.column);
  database_.execute(
      "DROP TABLE IF EXISTS temp.etl_found;"
      "CREATE TEMP TABLE etl_found (value PRIMARY KEY, rows)",
      doing);
  Statement(database_,
            "INSERT INTO temp.etl_found SELECT " + column + ", 1 FROM task." +
                sql::quoted(table_.table) + " WHERE " + column + in_merge +
                " ON CONFLICT (value) DO UPDATE SET rows = rows + 1",
            doing)
      .run();
  Statement differ(database_,
                   std::string("SELECT merge.\"partition\", merge.rows_written,"
                               " ifnull(found.rows, 0) FROM temp.etl_merge AS merge"
                               " LEFT JOIN temp.etl_found AS found ON found.value = merge.value"
                               " WHERE ifnull(found.rows, 0) ") +
                       (table_.key.empty() ? "<>" : ">") + " merge.rows_written",
                   doing);
  if (!differ.step()) return;
  refuse(std::string(differ.text(0)),
         sql::count_mismatch(differ.integer(2), scopes.column, differ.integer(1)));
}

std::int64_t TableMerge::copy(const std::string& where) {
  std::string columns;
  for (std::size_t i = 0; i < table_.columns.size(); ++i) {
    columns +=
        (i == 0 ? "" : ", ") + sql::quoted(table_.columns[i].name) + " AS c" + std::to_string(i);
  }
  const std::string rows = " FROM task." + sql::quoted(table_.table) + " WHERE " + where;
  const std::string sent = "(SELECT " + columns + rows + ")";
  const std::int64_t expected = count("SELECT count(*)" + rows);
  const std::int64_t copied =
      database_.query("copying the rows of " + from_ + " into table \"" + table_.table + "\"",
                      insert_from(table_, sent, violations(database_, table_)), {}, nullptr);
  if (copied != expected && lacks_rows(database_, table_, sent)) {
    throw etl::Error::permanent("table " + table_.shown + " took " + std::to_string(copied) +
                                " of " + std::to_string(expected) + " rows of " + from_ +
                                ": a trigger of the table skips some");
  }
  return expected;
}

std::int64_t TableMerge::count(const std::string& sql) {
  Statement statement(database_, sql, "counting the rows of " + from_);
  statement.step();
  return statement.integer(0);
}

void TableMerge::refuse(const std::string& partition, const std::string& why) const {
  throw etl::Error::permanent(
      "cannot identify the rows of partition " + partition + " in table \"" + table_.table +
      "\" of " + from_ + ": " + why +
      ". Nothing was merged from that file. It cannot be merged as a whole either: some of its "
      "partitions are already in another database, or it holds rows of others. Remove the file, "
      "and load its partitions again into a new one");
}

}  // namespace sqlite
