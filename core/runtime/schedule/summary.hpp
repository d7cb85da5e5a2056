/// \file
/// What a run did: the summary on stdout, and --report.
#pragma once

#include "core/runtime/attempt/partition_flow.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace etl::runtime {

/// Partitions by what became of them in this run. What was not reached when a run stopped early is
/// in `total` alone.
struct PartitionCounts {
  std::int64_t total = 0;
  std::int64_t done = 0;     ///< committed by this run
  std::int64_t skipped = 0;  ///< committed before, or by another run meanwhile
  std::int64_t failed = 0;
  std::int64_t missing = 0;
};

struct StageSummary {
  std::string name;
  std::string kind;
  std::string plugin;
  StageCounts counts;
  std::int64_t peak_memory_bytes = 0;  ///< in batches and what the stage itself reported
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
  std::string stage;  ///< empty when it was no stage
  std::int64_t attempts = 0;
  std::string error;
  bool transient = false;  ///< it may pass: the retries were used up
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

  [[nodiscard]] nlohmann::json json() const;
  /// A table for people.
  [[nodiscard]] std::string text() const;
};

/// Largest resident set of this process so far, in bytes (VmHWM of proc(5)).
std::int64_t peak_resident_bytes();

}  // namespace etl::runtime
