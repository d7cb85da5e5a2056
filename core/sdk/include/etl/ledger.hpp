/// \file
/// The ledger: one row per partition and sink, in the database that the sink writes to.
#pragma once

#include <etl/partition.hpp>
#include <etl/record_column.hpp>

#include <array>
#include <string>
#include <vector>

namespace etl::inline v1 {

/// A row of the table `etl_ledger`; ledger_columns names its columns and their key.
struct LedgerRecord {
  State state = State::done;
  std::string pipeline, source, sink, partition;
  std::int64_t rows_read = 0, rows_filtered = 0, rows_rejected = 0, rows_written = 0;
  std::string source_uri;
  std::int64_t source_bytes = -1;  ///< -1 = unknown, NULL in the table
  std::string definition;          ///< what the data depends on, one hash per stage
  std::string run_id;
  std::int64_t attempts = 0;
  std::string error;                             ///< empty = NULL in the table
  std::int64_t started_at = 0, finished_at = 0;  ///< microseconds since 1970-01-01 UTC
};

/// The columns of `etl_ledger`, in the table's order.
inline constexpr std::array<RecordColumn<LedgerRecord>, 17> ledger_columns = {{
    {"pipeline", ColumnKind::text, &LedgerRecord::pipeline, ColumnRole::key},
    {"source", ColumnKind::text, &LedgerRecord::source, ColumnRole::key},
    {"sink", ColumnKind::text, &LedgerRecord::sink, ColumnRole::key},
    {"partition", ColumnKind::text, &LedgerRecord::partition, ColumnRole::key},
    {"state", ColumnKind::text, &LedgerRecord::state},
    {"rows_read", ColumnKind::integer, &LedgerRecord::rows_read},
    {"rows_filtered", ColumnKind::integer, &LedgerRecord::rows_filtered},
    {"rows_rejected", ColumnKind::integer, &LedgerRecord::rows_rejected},
    {"rows_written", ColumnKind::integer, &LedgerRecord::rows_written},
    {"source_uri", ColumnKind::text, &LedgerRecord::source_uri},
    {"source_bytes", ColumnKind::integer, &LedgerRecord::source_bytes, ColumnRole::nullable},
    {"definition", ColumnKind::text, &LedgerRecord::definition},
    {"run_id", ColumnKind::text, &LedgerRecord::run_id},
    {"attempts", ColumnKind::integer, &LedgerRecord::attempts},
    {"error", ColumnKind::text, &LedgerRecord::error, ColumnRole::nullable},
    {"started_at", ColumnKind::time, &LedgerRecord::started_at},
    {"finished_at", ColumnKind::time, &LedgerRecord::finished_at},
}};

/// Asks a sink to write one partition of a pipeline.
struct WriteRequest {
  std::string pipeline, source, sink, run_id;
  Partition partition;
  bool reload = false;  ///< replace what an earlier run committed for this partition
};

/// Asks a sink to remove a partition from its ledger.
struct ForgetRequest {
  std::string pipeline, source, sink;
  Partition partition;
  bool delete_rows = false;  ///< also delete the partition's rows
};

/// Asks a sink to copy partitions from another target of the same stage.
struct MergeRequest {
  struct Part {
    std::string source;
    Partition partition;
  };
  std::string pipeline, sink;
  std::vector<Part> parts;
};

namespace detail {

/// Borrows from `record`.
inline etl_ledger_record to_abi(const LedgerRecord& record) {
  etl_ledger_record abi{};
  abi.struct_size = sizeof(abi);
  abi.state = static_cast<std::uint32_t>(record.state);
  abi.pipeline = to_abi(record.pipeline);
  abi.source = to_abi(record.source);
  abi.sink = to_abi(record.sink);
  abi.partition = to_abi(record.partition);
  abi.rows_read = record.rows_read;
  abi.rows_filtered = record.rows_filtered;
  abi.rows_rejected = record.rows_rejected;
  abi.rows_written = record.rows_written;
  abi.source_uri = to_abi(record.source_uri);
  abi.source_bytes = record.source_bytes;
  abi.definition = to_abi(record.definition);
  abi.run_id = to_abi(record.run_id);
  abi.attempts = record.attempts;
  abi.error = to_abi(record.error);
  abi.started_at = record.started_at;
  abi.finished_at = record.finished_at;
  return abi;
}

inline LedgerRecord from_abi(const etl_ledger_record& abi) {
  LedgerRecord record;
  record.state = static_cast<State>(abi.state);
  record.pipeline = to_view(abi.pipeline);
  record.source = to_view(abi.source);
  record.sink = to_view(abi.sink);
  record.partition = to_view(abi.partition);
  record.rows_read = abi.rows_read;
  record.rows_filtered = abi.rows_filtered;
  record.rows_rejected = abi.rows_rejected;
  record.rows_written = abi.rows_written;
  record.source_uri = to_view(abi.source_uri);
  record.source_bytes = abi.source_bytes;
  record.definition = to_view(abi.definition);
  record.run_id = to_view(abi.run_id);
  record.attempts = abi.attempts;
  record.error = to_view(abi.error);
  record.started_at = abi.started_at;
  record.finished_at = abi.finished_at;
  return record;
}

/// Borrows from `request` and `partition`, which is its partition in ABI form.
inline etl_write_request to_abi(const WriteRequest& request, const etl_partition& partition) {
  etl_write_request abi{};
  abi.struct_size = sizeof(abi);
  abi.reload = request.reload ? 1 : 0;
  abi.pipeline = to_abi(request.pipeline);
  abi.source = to_abi(request.source);
  abi.sink = to_abi(request.sink);
  abi.run_id = to_abi(request.run_id);
  abi.partition = &partition;
  return abi;
}

inline WriteRequest from_abi(const etl_write_request& abi) {
  return {std::string(to_view(abi.pipeline)), std::string(to_view(abi.source)),
          std::string(to_view(abi.sink)),     std::string(to_view(abi.run_id)),
          from_abi(*abi.partition),           abi.reload != 0};
}

/// Borrows from `request` and `partition`, which is its partition in ABI form.
inline etl_forget_request to_abi(const ForgetRequest& request, const etl_partition& partition) {
  return {sizeof(etl_forget_request), request.delete_rows ? 1U : 0U, to_abi(request.pipeline),
          to_abi(request.source),     to_abi(request.sink),          &partition};
}

inline ForgetRequest from_abi(const etl_forget_request& abi) {
  return {std::string(to_view(abi.pipeline)), std::string(to_view(abi.source)),
          std::string(to_view(abi.sink)), from_abi(*abi.partition), abi.delete_rows != 0};
}

inline MergeRequest from_abi(const etl_merge_request& abi) {
  MergeRequest request{std::string(to_view(abi.pipeline)), std::string(to_view(abi.sink)), {}};
  for (std::uint32_t i = 0; i < abi.count; ++i) {
    request.parts.push_back({std::string(to_view(abi.sources[i])), from_abi(*abi.partitions[i])});
  }
  return request;
}

}  // namespace detail
}  // namespace etl::inline v1
