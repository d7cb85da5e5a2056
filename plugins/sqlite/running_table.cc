#include "running_table.hpp"

#include "timestamp_text.hpp"

#include <etl/error.hpp>

#include <algorithm>
#include <chrono>
#include <string>

namespace sqlite {
namespace {

std::int64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::string time_text(std::int64_t micros) {
  const auto text = timestamp_text_us(micros, Fraction::always);
  if (text) return std::string(text->view());
  throw etl::Error(etl::Code::internal,
                   std::to_string(micros) + " us is no time that etl_running can hold");
}

}  // namespace

const TableDefinition& RunningTable::definition() {
  static const TableDefinition table{"etl_running",
                                     {{"pipeline", Storage::text, true},
                                      {"source", Storage::text, true},
                                      {"sink", Storage::text, true},
                                      {"partition", Storage::text, true},
                                      {"run_id", Storage::text, true},
                                      {"task", Storage::text, false},
                                      {"host", Storage::text, true},
                                      {"pid", Storage::integer, true},
                                      {"attempt", Storage::integer, true},
                                      {"since", Storage::time, true},
                                      {"seen", Storage::time, true}},
                                     {"pipeline", "source", "sink", "partition", "run_id"}};
  return table;
}

std::vector<etl::RunningRecord> RunningTable::all(std::string_view pipeline,
                                                  std::string_view sink) {
  Statement query(database_,
                  "SELECT pipeline, source, sink, \"partition\", run_id, task, host, pid, attempt,"
                  " since, seen FROM main.etl_running WHERE pipeline = ?1 AND sink = ?2"
                  " ORDER BY source, \"partition\", run_id",
                  "reading etl_running");
  query.bind(pipeline, sink);
  const std::int64_t now = now_us();
  std::vector<etl::RunningRecord> records;
  while (query.step()) {
    etl::RunningRecord& record = records.emplace_back();
    record.pipeline = query.text(0);
    record.source = query.text(1);
    record.sink = query.text(2);
    record.partition = query.text(3);
    record.run_id = query.text(4);
    record.task = query.text(5);
    record.host = query.text(6);
    record.pid = static_cast<std::uint32_t>(query.integer(7));
    record.attempt = query.integer(8);
    record.since = parse_timestamp(query.text(9)).value_or(0);
    record.silent = std::max<std::int64_t>(0, now - parse_timestamp(query.text(10)).value_or(0));
  }
  return records;
}

void RunningTable::replace(const etl::Heartbeat& beat) {
  const std::int64_t now = now_us();
  remove(beat, now);
  for (const etl::RunningRecord& record : beat.records) add(record, now);
}

void RunningTable::remove(const etl::Heartbeat& beat, std::int64_t now) {
  Statement statement(database_,
                      "DELETE FROM main.etl_running WHERE pipeline = ?1 AND sink = ?2"
                      " AND (run_id = ?3 OR seen < ?4)",
                      "writing to etl_running");
  statement.bind(beat.pipeline, beat.sink, beat.run_id, time_text(now - beat.forget_after)).run();
}

void RunningTable::add(const etl::RunningRecord& record, std::int64_t now) {
  Statement statement(database_,
                      "INSERT INTO main.etl_running (pipeline, source, sink, \"partition\", run_id,"
                      " task, host, pid, attempt, since, seen)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, nullif(?6, ''), ?7, ?8, ?9, ?10, ?11)",
                      "writing to etl_running");
  statement
      .bind(record.pipeline, record.source, record.sink, record.partition, record.run_id,
            record.task, record.host, std::int64_t{record.pid}, record.attempt,
            time_text(record.since), time_text(now))
      .run();
}

}  // namespace sqlite
