// Rows in etl_ledger written by others are read, or refused with their position. Records written by
// the sink are read back unchanged.
//
// Input: a kind and a value for every column of a row; then a record to write.
#include "fuzz.hpp"
#include "plugins/common/sql/ledger_table.hpp"
#include "plugins/sqlite/database/database.hpp"
#include "plugins/sqlite/table/table_definition.hpp"

#include <tuple>
#include <vector>

namespace {

using etl::LedgerRecord;
using sql::LedgerTable;
using sqlite::Database;

etl::Context quiet() {
  static constexpr etl_host host = {sizeof(etl_host),
                                    ETL_ABI_MINOR,
                                    nullptr,
                                    [](void*, std::uint32_t, etl_str) {},
                                    [](void*) { return 0; },
                                    [](void*, const char*) -> const void* { return nullptr; },
                                    [](void*, std::int64_t) {},
                                    [](void*) {}};
  return etl::Context(&host);
}

/// An in-memory database whose etl_ledger accepts any value, as if created by another program.
Database& database_of_anything() {
  static Database database({":memory:", etl::Duration(0), quiet()}, Database::Access::create);
  static const bool made = [] {
    const std::string columns = sql::column_list(sqlite::define_ledger("x").columns);
    database.execute("CREATE TABLE etl_ledger (" + columns + ")", "making it");
    return true;
  }();
  fuzz::require(made, "no table");
  database.execute("DELETE FROM etl_ledger", "emptying it");
  return database;
}

Database& database_of_ours() {
  static Database database({":memory:", etl::Duration(0), quiet()}, Database::Access::create);
  static const bool made = [] {
    database.execute(sqlite::define_ledger("x").create_sql(), "making it");
    return true;
  }();
  fuzz::require(made, "no table");
  database.execute("DELETE FROM etl_ledger", "emptying it");
  return database;
}

std::string hex(std::string_view bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char byte : bytes) {
    out += digits[static_cast<unsigned char>(byte) >> 4U];
    out += digits[static_cast<unsigned char>(byte) & 15U];
  }
  return out;
}

/// A value as an SQL literal. `usual`: one that lets the row be found and read.
std::string literal(fuzz::Input& input, std::string_view usual) {
  switch (input.byte() % 6U) {
    case 1:
      return "NULL";
    case 2:
      return std::to_string(input.number());
    case 3:
      return "CAST(x'" + hex(input.until('\n')) + "' AS TEXT)";
    case 4:
      return "x'" + hex(input.until('\n')) + "'";
    case 5:
      return std::to_string(static_cast<std::int8_t>(input.byte())) + "e" +
             std::to_string(static_cast<std::int8_t>(input.byte()));
    default:
      return std::string(usual);
  }
}

void read_anything(fuzz::Input& input) {
  Database& database = database_of_anything();
  std::string values = "'p', 's', 'k'";
  for (const char* usual : {"'id'", "'done'", "1", "0", "0", "1", "'u'", "1", "'d'", "'r'", "1",
                            "NULL", "'2024-01-01 00:00:00.000000'", "'2024-01-01 00:00:00'"}) {
    values += ", " + literal(input, usual);
  }
  database.execute("INSERT INTO etl_ledger VALUES (" + values + ")", "filling it");
  try {
    const auto records = LedgerTable(database, sqlite::define_ledger("x")).all("p", "k");
    fuzz::require(records.size() == 1, "the row is lost");
    fuzz::require(records[0].source == "s", "another row");
  } catch (const etl::Error& error) {
    fuzz::require(error.message().find("etl_ledger") != std::string::npos,
                  "an error that does not say where", error.message());
  }
}

LedgerRecord record_from(fuzz::Input& input) {
  LedgerRecord record;
  record.state = static_cast<etl::State>(1U + input.byte() % 3U);
  for (std::string* text : {&record.pipeline, &record.source, &record.sink, &record.partition,
                            &record.source_uri, &record.definition, &record.run_id, &record.error})
    *text = input.until('\n');
  for (std::int64_t* number :
       {&record.rows_read, &record.rows_filtered, &record.rows_rejected, &record.rows_written,
        &record.source_bytes, &record.attempts, &record.started_at, &record.finished_at})
    *number = input.number();
  if (record.source_bytes < 0) record.source_bytes = -1;  // all negative numbers are NULL
  return record;
}

auto fields(const LedgerRecord& r) {
  return std::tie(r.state, r.pipeline, r.source, r.sink, r.partition, r.rows_read, r.rows_filtered,
                  r.rows_rejected, r.rows_written, r.source_uri, r.source_bytes, r.definition,
                  r.run_id, r.attempts, r.error, r.started_at, r.finished_at);
}

void write_and_read(fuzz::Input& input) {
  Database& database = database_of_ours();
  const LedgerTable ledger(database, sqlite::define_ledger("x"));
  const LedgerRecord record = record_from(input);
  try {
    fuzz::require(ledger.put(record, sql::Replace::all_but_done), "not written");
  } catch (const etl::Error& error) {
    fuzz::require(!error.message().empty(), "an error without a word");
    return;
  }
  const auto found = ledger.find({record.pipeline, record.source, record.sink, record.partition});
  fuzz::require(found.has_value() && fields(*found) == fields(record), "it came back otherwise");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  read_anything(input);
  write_and_read(input);
  return 0;
}
