#include "running_table.hpp"

#include "utf8.hpp"

#include <array>
#include <cstdint>

namespace postgres {
namespace {

const etl::Schema& columns() {
  using enum etl::Type;
  static const etl::Schema schema = {
      {"pipeline", utf8}, {"source", utf8},        {"sink", utf8},         {"partition", utf8},
      {"run_id", utf8},   {"task", utf8, true},    {"host", utf8},         {"pid", int64},
      {"attempt", int64}, {"since", timestamp_us}, {"seen", timestamp_us},
  };
  return schema;
}

constexpr std::string_view doing = "saying what the run has in hand";

}  // namespace

RunningTable::RunningTable(const std::string& schema)
    : definition_{{schema, std::string(name)},
                  columns(),
                  {"pipeline", "source", "sink", "partition", "run_id"}} {}

std::vector<etl::RunningRecord> RunningTable::read(Connection& connection,
                                                   std::string_view pipeline,
                                                   std::string_view sink) const {
  std::vector<etl::RunningRecord> records;
  if (!definition_.exists(connection)) return records;
  const std::array params = {Param::text(pipeline), Param::text(sink)};
  const Result result = connection.run(
      "reading " + definition_.name.shown(),
      "SELECT source, partition, run_id, coalesce(task, ''), host, pid, attempt,"
      " round(extract(epoch FROM since) * 1000000)::bigint,"
      " greatest(round(extract(epoch FROM clock_timestamp() - seen) * 1000000), 0)::bigint FROM " +
          definition_.name.sql() +
          " WHERE pipeline = $1 AND sink = $2 ORDER BY source, partition, run_id",
      params);
  for (int row = 0; row < result.rows(); ++row) {
    etl::RunningRecord& record = records.emplace_back();
    record.pipeline = pipeline;
    record.sink = sink;
    record.source = result.text(row, 0);
    record.partition = result.text(row, 1);
    record.run_id = result.text(row, 2);
    record.task = result.text(row, 3);
    record.host = result.text(row, 4);
    record.pid = static_cast<std::uint32_t>(result.integer(row, 5));
    record.attempt = result.integer(row, 6);
    record.since = result.integer(row, 7);
    record.silent = result.integer(row, 8);
  }
  return records;
}

void RunningTable::write(Connection& connection, const etl::Heartbeat& beat) const {
  connection.run(doing, "BEGIN ISOLATION LEVEL READ COMMITTED");
  connection.run(doing, "SET LOCAL lock_timeout = '20ms'; SET LOCAL synchronous_commit = off");
  if (!definition_.exists(connection)) {
    if (beat.records.empty()) {
      connection.run(doing, "ROLLBACK");
      return;
    }
    create(connection);
  }
  remove(connection, beat);
  if (!beat.records.empty()) add(connection, beat.records);
  connection.run(doing, "COMMIT");
}

// Locked, for CREATE TABLE IF NOT EXISTS fails when two do it at once.
void RunningTable::create(Connection& connection) const {
  const Result locked =
      connection.run(doing, "SELECT pg_try_advisory_xact_lock(1702128737, 1)::int");
  if (locked.integer(0, 0) == 0) throw etl::Error::transient("another run is creating its tables");
  if (!definition_.exists(connection)) connection.run(doing, definition_.ddl());
}

void RunningTable::remove(Connection& connection, const etl::Heartbeat& beat) const {
  const std::array params = {Param::text(beat.pipeline), Param::text(beat.sink),
                             Param::text(beat.run_id), Param::integer(beat.forget_after)};
  connection.run(doing,
                 "DELETE FROM " + definition_.name.sql() +
                     " WHERE pipeline = $1 AND sink = $2 AND (run_id = $3 OR"
                     " seen < clock_timestamp() - $4 * interval '1 microsecond')",
                 params);
}

void RunningTable::add(Connection& connection,
                       const std::vector<etl::RunningRecord>& records) const {
  constexpr std::size_t at_most = 5000;  // a statement takes 65,535 parameters
  std::string values;
  std::vector<Param> params;
  for (const etl::RunningRecord& record : records) {
    if (params.size() >= at_most * 10) break;
    values += values.empty() ? "(" : ", (";
    for (Param& param : std::array{
             Param::text(record.pipeline), Param::text(record.source), Param::text(record.sink),
             Param::text(record.partition), Param::text(record.run_id),
             Param::text(record.task).or_null(record.task.empty()),
             Param::text(storable(record.host)), Param::integer(record.pid),
             Param::integer(record.attempt), Param::timestamp(record.since)}) {
      params.push_back(std::move(param));
      values += "$" + std::to_string(params.size()) + ", ";
    }
    values += "clock_timestamp())";
  }
  connection.run(doing,
                 "INSERT INTO " + definition_.name.sql() + " (" + column_list(columns()) +
                     ") VALUES " + values,
                 params);
}

}  // namespace postgres
