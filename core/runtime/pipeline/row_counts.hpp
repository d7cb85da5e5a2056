/// \file
/// Counts of rows: on their way to a sink, and through a stage.
#pragma once

#include <etl/ledger.hpp>

#include <chrono>
#include <cstdint>

namespace etl::runtime {

/// Rows of a partition on their way to one sink:
/// read + added = filtered + rejected + written, or the partition fails.
struct RowCounts {
  std::int64_t read = 0;
  std::int64_t added = 0;
  std::int64_t filtered = 0;
  std::int64_t rejected = 0;
  std::int64_t written = 0;

  RowCounts& operator+=(const RowCounts& other) {
    read += other.read;
    added += other.added;
    filtered += other.filtered;
    rejected += other.rejected;
    written += other.written;
    return *this;
  }
  [[nodiscard]] bool balanced() const { return read + added == filtered + rejected + written; }
};

/// Rows and time of one stage, for one partition or summed over many.
struct StageCounts {
  std::int64_t rows_in = 0;
  std::int64_t rows_out = 0;
  std::int64_t rejected = 0;
  std::chrono::nanoseconds busy{0};

  StageCounts& operator+=(const StageCounts& other) {
    rows_in += other.rows_in;
    rows_out += other.rows_out;
    rejected += other.rejected;
    busy += other.busy;
    return *this;
  }
};

/// The counts in a ledger record, which leaves out `added`: the other four determine it.
[[nodiscard]] inline RowCounts row_counts(const LedgerRecord& record) {
  return {record.rows_read,
          record.rows_filtered + record.rows_rejected + record.rows_written - record.rows_read,
          record.rows_filtered, record.rows_rejected, record.rows_written};
}

inline void set_row_counts(LedgerRecord& record, const RowCounts& rows) {
  record.rows_read = rows.read;
  record.rows_filtered = rows.filtered;
  record.rows_rejected = rows.rejected;
  record.rows_written = rows.written;
}

}  // namespace etl::runtime
