#include "table_merge.hpp"

#include "ledger_table.hpp"
#include "partition_rows.hpp"

#include <etl/error.hpp>

#include <map>
#include <variant>
#include <vector>

namespace sqlite {

/// Partitions whose rows are told by the same column.
struct TableMerge::Wanted {
  struct Part {
    std::string partition;
    StoredScope scope;
    std::int64_t rows_written = 0;
  };
  std::string column;
  std::vector<Part> parts;
};

TableMerge::TableMerge(Database& database, const TableOptions& options, const etl::Schema& schema,
                       std::string from)
    : database_(database),
      options_(options),
      schema_(schema),
      definition_(define_table(options, schema)),
      from_(std::move(from)) {}

std::int64_t TableMerge::run(const etl::MergeRequest& request) {
  std::map<std::string, Wanted> by_column;
  std::int64_t rows_written = 0;
  std::int64_t with_rows = 0;
  std::string untold;  // a partition with rows that no column tells
  for (const etl::MergeRequest::Part& part : request.parts) {
    const std::int64_t rows = take_record(request, part);
    rows_written += rows;
    if (rows == 0) continue;
    ++with_rows;
    auto scope = stored_scope(part.partition.scope, schema_, options_.timestamps);
    if (!scope) {
      untold = part.partition.id;
      continue;
    }
    Wanted& wanted = by_column[scope->column];
    wanted.column = scope->column;
    wanted.parts.push_back({part.partition.id, std::move(*scope), rows});
  }
  if (is_all_there_is(request, with_rows, rows_written)) return copy("true");
  if (!untold.empty()) refuse(untold, "no column says which rows are the partition's");
  std::int64_t copied = 0;
  for (const auto& [column, wanted] : by_column) {
    stage(wanted);
    require_counts(wanted);
    copied += copy(quoted(column) + " IN (SELECT value FROM temp.etl_merge)");
  }
  return copied;
}

/// The number of rows that it says were written.
std::int64_t TableMerge::take_record(const etl::MergeRequest& request,
                                     const etl::MergeRequest::Part& part) {
  const auto record = LedgerTable(database_, attached)
                          .find(request.pipeline, part.source, request.sink, part.partition.id);
  if (!record || record->state != etl::State::done) {
    throw etl::Error::conflict("partition " + part.partition.id + " is not done in " + from_ +
                               " any more");
  }
  if (!LedgerTable(database_).put(*record, LedgerTable::Replace::unless_done)) {
    throw etl::Error::conflict("partition " + part.partition.id + " is done already in " +
                               database_.path());
  }
  return record->rows_written;
}

/// Whether the table there holds the rows of these partitions and no others. With a key a later row
/// has replaced an earlier one, so there may be fewer than were written.
bool TableMerge::is_all_there_is(const etl::MergeRequest& request, std::int64_t with_rows,
                                 std::int64_t rows_written) {
  Statement done(database_,
                 "SELECT count(*) FROM task.etl_ledger WHERE pipeline = ?1 AND sink = ?2"
                 " AND state = 'done' AND rows_written > 0",
                 "reading etl_ledger of " + from_);
  done.bind(request.pipeline, request.sink);
  done.step();
  if (done.integer(0) != with_rows) return false;
  const std::int64_t rows = count("SELECT count(*) FROM task." + quoted(definition_.table));
  return options_.upsert ? rows <= rows_written : rows == rows_written;
}

/// The values that tell the rows, where a statement can find them.
void TableMerge::stage(const Wanted& wanted) {
  const std::string doing = "merging " + from_;
  database_.execute(
      "DROP TABLE IF EXISTS temp.etl_merge;"
      "CREATE TEMP TABLE etl_merge (value PRIMARY KEY, rows_written, \"partition\")",
      doing);
  for (const Wanted::Part& part : wanted.parts) {
    // Sources of one pipeline may share a value; their rows are then told together.
    Statement insert(database_,
                     "INSERT INTO temp.etl_merge VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET"
                     " rows_written = rows_written + excluded.rows_written",
                     doing);
    std::visit(
        [&](const auto& value) { insert.bind(value, part.rows_written, part.partition).run(); },
        part.scope.value);
  }
}

/// Counted one row after the other: GROUP BY would sort the whole column in memory.
void TableMerge::require_counts(const Wanted& wanted) {
  const std::string doing = "counting the rows of partitions in " + from_;
  database_.execute(
      "DROP TABLE IF EXISTS temp.etl_found;"
      "CREATE TEMP TABLE etl_found (value PRIMARY KEY, rows)",
      doing);
  Statement(database_,
            "INSERT INTO temp.etl_found SELECT " + quoted(wanted.column) + ", 1 FROM task." +
                quoted(definition_.table) + " WHERE " + quoted(wanted.column) +
                " IN (SELECT value FROM temp.etl_merge)"
                " ON CONFLICT (value) DO UPDATE SET rows = rows + 1",
            doing)
      .run();
  Statement differ(database_,
                   std::string("SELECT merge.\"partition\", merge.rows_written,"
                               " ifnull(found.rows, 0) FROM temp.etl_merge AS merge"
                               " LEFT JOIN temp.etl_found AS found ON found.value = merge.value"
                               " WHERE ifnull(found.rows, 0) ") +
                       (options_.upsert ? ">" : "<>") + " merge.rows_written",
                   doing);
  if (!differ.step()) return;
  refuse(std::string(differ.text(0)), "it has " + std::to_string(differ.integer(2)) +
                                          " rows with the partition's value of column \"" +
                                          wanted.column + "\", where the ledger says that " +
                                          std::to_string(differ.integer(1)) + " were written");
}

std::int64_t TableMerge::copy(const std::string& where) {
  std::string columns;
  for (std::size_t i = 0; i < definition_.columns.size(); ++i) {
    columns +=
        (i == 0 ? "" : ", ") + quoted(definition_.columns[i].name) + " AS c" + std::to_string(i);
  }
  const std::string rows = " FROM task." + quoted(definition_.table) + " WHERE " + where;
  const std::int64_t expected = count("SELECT count(*)" + rows);
  Statement insert(database_, definition_.insert_sql("(SELECT " + columns + rows + ")"),
                   "copying the rows of " + from_ + " into table \"" + definition_.table + "\"");
  insert.run();
  const std::int64_t copied = sqlite3_changes64(database_.handle());
  const bool may_skip = definition_.key.size() == definition_.columns.size();  // DO NOTHING
  if (copied != expected && !may_skip) {
    throw etl::Error::permanent("table \"" + definition_.table + "\" in " + database_.path() +
                                " took " + std::to_string(copied) + " of " +
                                std::to_string(expected) + " rows of " + from_ +
                                ": a trigger or an ON CONFLICT clause of the table drops some");
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
      "cannot tell which rows of table \"" + definition_.table + "\" in " + from_ +
      " are those of partition " + partition + ": " + why +
      ". Nothing of that file was merged. Some of its partitions are in another database already, "
      "or it holds rows of others, so that it cannot be taken as a whole: remove the file, and "
      "load its partitions again into a new one");
}

}  // namespace sqlite
