#include "ledger_table.hpp"

#include "utf8.hpp"

#include <array>

namespace postgres {
namespace {

const etl::Strings& primary_key() {
  static const etl::Strings key = {"pipeline", "source", "sink", "partition"};
  return key;
}

const etl::Schema& columns() {
  using enum etl::Type;
  static const etl::Schema schema = {
      {"pipeline", utf8},
      {"source", utf8},
      {"sink", utf8},
      {"partition", utf8},
      {"state", utf8},
      {"rows_read", int64},
      {"rows_filtered", int64},
      {"rows_rejected", int64},
      {"rows_written", int64},
      {"source_uri", utf8},
      {"source_bytes", int64, true},
      {"definition", utf8},
      {"run_id", utf8},
      {"attempts", int64},
      {"error", utf8, true},
      {"started_at", timestamp_us},
      {"finished_at", timestamp_us},
  };
  return schema;
}

std::vector<Param> values_of(const etl::LedgerRecord& record) {
  return {Param::text(record.pipeline),
          Param::text(record.source),
          Param::text(record.sink),
          Param::text(record.partition),
          Param::text(etl::state_name(record.state)),
          Param::integer(record.rows_read),
          Param::integer(record.rows_filtered),
          Param::integer(record.rows_rejected),
          Param::integer(record.rows_written),
          Param::text(storable(record.source_uri)),
          Param::integer(record.source_bytes).or_null(record.source_bytes < 0),
          Param::text(record.definition),
          Param::text(record.run_id),
          Param::integer(record.attempts),
          Param::text(storable(record.error)).or_null(record.error.empty()),
          Param::timestamp(record.started_at),
          Param::timestamp(record.finished_at)};
}

// In the order of columns(); times as microseconds, which every setting of the session leaves
// alone.
std::string select_list() {
  std::string list;
  for (const etl::Field& field : columns()) {
    if (!list.empty()) list += ", ";
    list += etl::is_timestamp(field.type)
                ? "round(extract(epoch FROM " + quoted(field.name) + ") * 1000000)::bigint"
                : quoted(field.name);
  }
  return list;
}

etl::LedgerRecord record_of(const Result& result, int row) {
  etl::LedgerRecord record;
  int column = 0;
  const auto text = [&] { return std::string(result.text(row, column++)); };
  const auto integer = [&] { return result.integer(row, column++); };
  record.pipeline = text();
  record.source = text();
  record.sink = text();
  record.partition = text();
  record.state = etl::state_from(text());
  record.rows_read = integer();
  record.rows_filtered = integer();
  record.rows_rejected = integer();
  record.rows_written = integer();
  record.source_uri = text();
  record.source_bytes = result.null(row, column) ? -1 : result.integer(row, column);
  ++column;
  record.definition = text();
  record.run_id = text();
  record.attempts = integer();
  record.error = text();
  record.started_at = integer();
  record.finished_at = integer();
  return record;
}

}  // namespace

LedgerTable::LedgerTable(const std::string& schema)
    : definition_{{schema, std::string(name)}, columns(), primary_key()} {}

std::vector<etl::LedgerRecord> LedgerTable::read(Connection& connection, std::string_view pipeline,
                                                 std::string_view sink) const {
  std::vector<etl::LedgerRecord> records;
  if (!definition_.exists(connection)) return records;
  const std::array params = {Param::text(pipeline), Param::text(sink)};
  const Result result =
      connection.run("reading " + definition_.name.shown(),
                     "SELECT " + select_list() + " FROM " + definition_.name.sql() +
                         " WHERE pipeline = $1 AND sink = $2 ORDER BY source, partition",
                     params);
  for (int row = 0; row < result.rows(); ++row) records.push_back(record_of(result, row));
  return records;
}

namespace {

constexpr std::string_view of_key =
    " WHERE pipeline = $1 AND source = $2 AND sink = $3 AND partition = $4";

std::array<Param, 4> params_of(const LedgerTable::Key& key) {
  return {Param::text(key.pipeline), Param::text(key.source), Param::text(key.sink),
          Param::text(key.partition)};
}

}  // namespace

std::optional<LedgerTable::Entry> LedgerTable::find(Connection& connection, const Key& key,
                                                    bool lock) const {
  const std::array params = params_of(key);
  const Result result =
      connection.run("looking up the partition in " + definition_.name.shown(),
                     "SELECT state, rows_written, run_id FROM " + definition_.name.sql() +
                         std::string(of_key) + (lock ? " FOR UPDATE" : ""),
                     params);
  if (result.rows() == 0) return std::nullopt;
  return Entry{etl::state_from(result.text(0, 0)), result.integer(0, 1),
               std::string(result.text(0, 2))};
}

void LedgerTable::remove(Connection& connection, const Key& key) const {
  connection.run("removing the partition from " + definition_.name.shown(),
                 "DELETE FROM " + definition_.name.sql() + std::string(of_key), params_of(key));
}

bool LedgerTable::write(Connection& connection, const etl::LedgerRecord& record,
                        Replace replace) const {
  std::string values;
  std::string changes;
  int number = 0;
  for (const etl::Field& field : columns()) {
    const std::string_view comma = number == 0 ? "" : ", ";
    values.append(comma).append("$").append(std::to_string(++number));
    changes.append(comma)
        .append(quoted(field.name))
        .append(" = EXCLUDED.")
        .append(quoted(field.name));
  }
  const Result result =
      connection.run("writing to " + definition_.name.shown(),
                     "INSERT INTO " + definition_.name.sql() + " AS ledger (" +
                         column_list(columns()) + ") VALUES (" + values + ") ON CONFLICT (" +
                         column_list(primary_key()) + ") DO UPDATE SET " + changes +
                         (replace == Replace::all ? "" : " WHERE ledger.state <> 'done'"),
                     values_of(record));
  return result.affected() != 0;
}

}  // namespace postgres
