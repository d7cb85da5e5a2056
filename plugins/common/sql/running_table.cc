#include "plugins/common/sql/running_table.hpp"

#include "plugins/common/sql/record_table.hpp"

#include <algorithm>
#include <array>

namespace sql {
namespace {

constexpr Columns<etl::RunningRecord> running_record = etl::running_columns;
constexpr std::string_view writing = "writing to etl_running";
constexpr std::size_t rows_per_insert = 1000;  // databases limit the parameters of a statement

}  // namespace

TableDefinition running_definition(const Dialect& dialect, std::string schema, std::string shown) {
  return define_records(dialect, std::move(schema), "etl_running", std::move(shown),
                        running_record);
}

std::vector<etl::RunningRecord> RunningTable::all(std::string_view pipeline,
                                                  std::string_view sink) const {
  auto records = read_records(session_, running_record, definition_, pipeline, sink);
  const std::int64_t read_at = now().micros;
  for (etl::RunningRecord& record : records) {
    record.silent = std::max<std::int64_t>(0, read_at - record.silent);
  }
  return records;
}

void RunningTable::replace(const etl::Heartbeat& beat) const {
  const Time written_at = now();
  const auto placeholder = definition_.dialect->placeholder;
  session_.query(writing,
                 "DELETE FROM " + definition_.sql_name() +
                     " WHERE \"pipeline\" = " + placeholder(1) +
                     " AND \"sink\" = " + placeholder(2) + " AND (\"run_id\" = " + placeholder(3) +
                     " OR \"seen\" < " + placeholder(4) + ")",
                 std::array<Value, 4>{beat.pipeline, beat.sink, beat.run_id,
                                      Time{written_at.micros - beat.forget_after}});
  for (std::size_t first = 0; first < beat.records.size(); first += rows_per_insert) {
    const std::size_t count = std::min(rows_per_insert, beat.records.size() - first);
    std::vector<Value> values;
    for (std::size_t i = first; i < first + count; ++i) {
      append_values(values, running_record, beat.records[i], *definition_.dialect, written_at);
    }
    session_.query(writing, definition_.insert_sql(count), values);
  }
}

Time RunningTable::now() const {
  Time time;
  const Dialect& dialect = *definition_.dialect;
  session_.query("reading the database's clock",
                 "SELECT " + dialect.time_text(std::string(dialect.now)), {},
                 [&](const Row& row) { time.micros = read_time(row.text(0), "the clock"); });
  return time;
}

}  // namespace sql
