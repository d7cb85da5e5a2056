/// \file
/// What runs have in hand: one row of `etl_running` a run, partition and sink, beside the ledger.
/// Said again every few seconds, for people to see; nothing is decided by it.
#pragma once

#include <etl/partition.hpp>

#include <string>
#include <vector>

namespace etl {
inline namespace v1 {

/// A row of `etl_running`. Its primary key is (pipeline, source, sink, partition, run_id).
struct RunningRecord {
  std::string pipeline, source, sink, partition, run_id;
  std::string task;  ///< "3/8": a share of the plan; empty = all of it
  std::string host;
  std::uint32_t pid = 0;
  std::int64_t attempt = 0;
  std::int64_t since = 0;  ///< microseconds since 1970-01-01 UTC, by the clock of `host`
  /// Microseconds since the run was last heard of, by the database's clock. For who reads.
  std::int64_t silent = 0;
};

/// What one run has in hand now; no records = it is over.
struct Heartbeat {
  std::string pipeline, sink, run_id;
  std::vector<RunningRecord> records;
  /// Microseconds: the records of runs that were silent for longer go.
  std::int64_t forget_after = 0;
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
}  // namespace v1
}  // namespace etl
