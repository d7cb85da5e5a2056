#include "ledger_table.hpp"

#include "timestamp_text.hpp"

namespace sqlite {
namespace {

using etl::LedgerRecord;

/// `"pipeline", "source", ...`, in the order in which put() binds them and record_from() reads
/// them.
const std::string& column_list() {
  static const std::string list = [] {
    std::string names;
    for (const ColumnDefinition& column : LedgerTable::definition().columns) {
      names += (names.empty() ? "" : ", ") + quoted(column.name);
    }
    return names;
  }();
  return list;
}

std::string time_text(std::int64_t micros, const LedgerRecord& record) {
  const auto text = timestamp_text_us(micros, Fraction::always);
  if (text) return std::string(text->view());
  throw etl::Error(etl::Code::internal, "partition " + record.partition + ": " +
                                            std::to_string(micros) +
                                            " us is no time that the ledger can hold");
}

std::int64_t time_value(std::string_view text, const LedgerRecord& record,
                        const std::string& path) {
  if (const auto micros = parse_timestamp(text)) return *micros;
  throw etl::Error::permanent("etl_ledger in " + path + " has the unreadable time \"" +
                              std::string(text) + "\" for partition " + record.partition);
}

LedgerRecord record_from(const Statement& row, const std::string& path) {
  LedgerRecord record;
  record.pipeline = row.text(0);
  record.source = row.text(1);
  record.sink = row.text(2);
  record.partition = row.text(3);
  record.state = etl::state_from(row.text(4));
  record.rows_read = row.integer(5);
  record.rows_filtered = row.integer(6);
  record.rows_rejected = row.integer(7);
  record.rows_written = row.integer(8);
  record.source_uri = row.text(9);
  record.source_bytes = row.null(10) ? -1 : row.integer(10);
  record.definition = row.text(11);
  record.run_id = row.text(12);
  record.attempts = row.integer(13);
  record.error = row.text(14);
  record.started_at = time_value(row.text(15), record, path);
  record.finished_at = time_value(row.text(16), record, path);
  return record;
}

}  // namespace

const TableDefinition& LedgerTable::definition() {
  static const TableDefinition table{"etl_ledger",
                                     {{"pipeline", Storage::text, true},
                                      {"source", Storage::text, true},
                                      {"sink", Storage::text, true},
                                      {"partition", Storage::text, true},
                                      {"state", Storage::text, true},
                                      {"rows_read", Storage::integer, true},
                                      {"rows_filtered", Storage::integer, true},
                                      {"rows_rejected", Storage::integer, true},
                                      {"rows_written", Storage::integer, true},
                                      {"source_uri", Storage::text, true},
                                      {"source_bytes", Storage::integer, false},
                                      {"definition", Storage::text, true},
                                      {"run_id", Storage::text, true},
                                      {"attempts", Storage::integer, true},
                                      {"error", Storage::text, false},
                                      {"started_at", Storage::time, true},
                                      {"finished_at", Storage::time, true}},
                                     {"pipeline", "source", "sink", "partition"}};
  return table;
}

std::vector<LedgerRecord> LedgerTable::rows(Statement& query) const {
  std::vector<LedgerRecord> records;
  while (query.step()) records.push_back(record_from(query, database_.path()));
  return records;
}

std::optional<LedgerRecord> LedgerTable::find(std::string_view pipeline, std::string_view source,
                                              std::string_view sink, std::string_view partition) {
  Statement query(database_,
                  "SELECT " + column_list() + " FROM " + schema_ +
                      ".etl_ledger AS ledger WHERE ledger.pipeline = ?1 AND ledger.source = ?2"
                      " AND ledger.sink = ?3 AND ledger.\"partition\" = ?4",
                  "reading etl_ledger");
  const auto records = rows(query.bind(pipeline, source, sink, partition));
  return records.empty() ? std::nullopt : std::optional(records.front());
}

std::vector<LedgerRecord> LedgerTable::all(std::string_view pipeline, std::string_view sink) {
  Statement query(database_,
                  "SELECT " + column_list() + " FROM " + schema_ +
                      ".etl_ledger AS ledger WHERE ledger.pipeline = ?1 AND ledger.sink = ?2"
                      " ORDER BY ledger.source, ledger.\"partition\"",
                  "reading etl_ledger");
  return rows(query.bind(pipeline, sink));
}

void LedgerTable::remove(std::string_view pipeline, std::string_view source, std::string_view sink,
                         std::string_view partition) {
  Statement statement(database_,
                      "DELETE FROM " + schema_ +
                          ".etl_ledger AS ledger WHERE ledger.pipeline = ?1 AND ledger.source = ?2"
                          " AND ledger.sink = ?3 AND ledger.\"partition\" = ?4",
                      "removing partition " + std::string(partition) + " from etl_ledger");
  statement.bind(pipeline, source, sink, partition).run();
}

bool LedgerTable::put(const LedgerRecord& record, Replace replace) {
  std::string updates;
  for (const ColumnDefinition& column : definition().columns) {
    const std::string name = quoted(column.name);
    updates += (updates.empty() ? "" : ", ") + name + " = excluded." + name;
  }
  const std::string sql =
      "INSERT INTO " + schema_ + ".etl_ledger AS ledger (" + column_list() +
      ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, nullif(?11, -1), ?12, ?13,"
      " ?14, nullif(?15, ''), ?16, ?17)"
      " ON CONFLICT (\"pipeline\", \"source\", \"sink\", \"partition\")"
      " DO UPDATE SET " +
      updates + " WHERE ledger.state <> 'done' OR ?18";
  Statement insert(database_, sql, "writing partition " + record.partition + " to etl_ledger");
  insert.bind(record.pipeline, record.source, record.sink, record.partition,
              etl::state_name(record.state), record.rows_read, record.rows_filtered,
              record.rows_rejected, record.rows_written, record.source_uri, record.source_bytes,
              record.definition, record.run_id, record.attempts, record.error,
              time_text(record.started_at, record), time_text(record.finished_at, record),
              std::int64_t{replace == Replace::always});
  insert.run();
  return sqlite3_changes64(database_.handle()) > 0;
}

}  // namespace sqlite
