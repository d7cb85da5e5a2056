/// \file
/// The summary of a run, as text and as JSON.
#pragma once

#include "core/runtime/pipeline/row_counts.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace etl::runtime {

/// Partitions by how they ended in this run. Those that a stopped run did not reach count in
/// `total` only.
struct PartitionCounts {
  std::int64_t total = 0;
  std::int64_t done = 0;     ///< committed by this run
  std::int64_t skipped = 0;  ///< committed before, or by another run in the meantime
  std::int64_t failed = 0;
  std::int64_t missing = 0;

  PartitionCounts& operator+=(const PartitionCounts& other);
};

struct StageSummary {
  std::string name;
  std::string kind;
  std::string plugin;
  StageCounts counts;
  std::int64_t peak_memory_bytes = 0;  ///< batches, and what the stage itself reported
};

struct SinkSummary {
  std::string name;
  RowCounts rows;
  PartitionCounts partitions;
};

struct Failure {
  std::string source;
  std::string partition;
  std::string sink;
  std::string stage;  ///< empty when no stage is to blame
  std::int64_t attempts = 0;
  std::string error;
  bool transient = false;  ///< may pass by itself: the retries were used up
};

/// A plain value.
struct Summary {
  std::string pipeline;
  std::string run_id;
  std::string status = "ok";  ///< "ok", "failed", "interrupted"
  std::string delivery;       ///< "exactly-once", "at-least-once"
  PartitionCounts partitions;
  RowCounts rows;
  std::int64_t bytes_downloaded = 0;
  std::int64_t bytes_decoded = 0;
  double elapsed_seconds = 0;
  std::int64_t peak_memory_bytes = 0;
  std::vector<StageSummary> stages;
  std::vector<SinkSummary> sinks;
  std::vector<Failure> failures;
  std::vector<Failure> left_behind;  ///< of earlier runs, not in the plan any more

  /// Sets `rows` from those of the sinks. With several sinks, rows read and rejected are taken from
  /// `read_once`, which counts each partition once.
  void add_up_rows(const RowCounts& read_once);
  /// Sorts the failures and sets the status.
  void conclude(bool interrupted);

  [[nodiscard]] nlohmann::json json() const;
  /// For people.
  [[nodiscard]] std::string text() const;
};

/// The largest resident set of this process so far, in bytes (VmHWM in proc(5)).
std::int64_t peak_resident_bytes();

}  // namespace etl::runtime
