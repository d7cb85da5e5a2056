/// \file
/// The running table: one row of `etl_running` per run, partition and sink, beside the ledger.
/// Rewritten every few seconds to show progress; no decision depends on it.
#pragma once

#include <etl/partition.hpp>
#include <etl/record_column.hpp>

#include <array>
#include <string>
#include <vector>

namespace etl::inline v1 {

/// A row of the table `etl_running`; running_columns names its columns and their key.
struct RunningRecord {
  std::string pipeline, source, sink, partition, run_id;
  std::string task;  ///< "3/8": a share of the plan; empty = all of it, NULL in the table
  std::string host;
  std::uint32_t pid = 0;
  std::int64_t attempt = 0;
  std::int64_t since = 0;  ///< microseconds since 1970-01-01 UTC, by the clock of `host`
  /// Microseconds since the run's last heartbeat, by the database's clock. Set when read.
  std::int64_t silent = 0;
};

/// The columns of `etl_running`, in the table's order.
inline constexpr std::array<RecordColumn<RunningRecord>, 11> running_columns = {{
    {"pipeline", ColumnKind::text, &RunningRecord::pipeline, ColumnRole::key},
    {"source", ColumnKind::text, &RunningRecord::source, ColumnRole::key},
    {"sink", ColumnKind::text, &RunningRecord::sink, ColumnRole::key},
    {"partition", ColumnKind::text, &RunningRecord::partition, ColumnRole::key},
    {"run_id", ColumnKind::text, &RunningRecord::run_id, ColumnRole::key},
    {"task", ColumnKind::text, &RunningRecord::task, ColumnRole::nullable},
    {"host", ColumnKind::text, &RunningRecord::host},
    {"pid", ColumnKind::integer, &RunningRecord::pid},
    {"attempt", ColumnKind::integer, &RunningRecord::attempt},
    {"since", ColumnKind::time, &RunningRecord::since},
    {"seen", ColumnKind::age, &RunningRecord::silent},
}};

/// The partitions that one run is working on now; no records = the run has ended.
struct Heartbeat {
  std::string pipeline, sink, run_id;
  std::vector<RunningRecord> records;
  std::int64_t forget_after = 0;  ///< microseconds; delete the records of runs silent for longer
};

namespace detail {

/// Borrows from `record`.
inline etl_running_record to_abi(const RunningRecord& record) {
  etl_running_record abi{};
  abi.struct_size = sizeof(abi);
  abi.pid = record.pid;
  abi.pipeline = to_abi(record.pipeline);
  abi.source = to_abi(record.source);
  abi.sink = to_abi(record.sink);
  abi.partition = to_abi(record.partition);
  abi.run_id = to_abi(record.run_id);
  abi.task = to_abi(record.task);
  abi.host = to_abi(record.host);
  abi.attempt = record.attempt;
  abi.since = record.since;
  abi.silent = record.silent;
  return abi;
}

inline RunningRecord from_abi(const etl_running_record& abi) {
  RunningRecord record;
  record.pipeline = to_view(abi.pipeline);
  record.source = to_view(abi.source);
  record.sink = to_view(abi.sink);
  record.partition = to_view(abi.partition);
  record.run_id = to_view(abi.run_id);
  record.task = to_view(abi.task);
  record.host = to_view(abi.host);
  record.pid = abi.pid;
  record.attempt = abi.attempt;
  record.since = abi.since;
  record.silent = abi.silent;
  return record;
}

inline Heartbeat from_abi(const etl_heartbeat& abi) {
  Heartbeat beat{std::string(to_view(abi.pipeline)),
                 std::string(to_view(abi.sink)),
                 std::string(to_view(abi.run_id)),
                 {},
                 abi.forget_after};
  for (std::uint32_t i = 0; i < abi.count; ++i) beat.records.push_back(from_abi(*abi.records[i]));
  return beat;
}

}  // namespace detail
}  // namespace etl::inline v1
