#include "core/runtime/schedule/summary.hpp"

#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/pipeline/left_behind.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <tuple>

namespace etl::runtime {
namespace {

using nlohmann::json;

json to_json(const RowCounts& rows) {
  return {{"read", rows.read},
          {"added", rows.added},
          {"filtered", rows.filtered},
          {"rejected", rows.rejected},
          {"written", rows.written}};
}

json to_json(const PartitionCounts& partitions) {
  return {{"total", partitions.total},
          {"done", partitions.done},
          {"skipped", partitions.skipped},
          {"failed", partitions.failed},
          {"missing", partitions.missing}};
}

json to_json(const std::vector<Failure>& failures) {
  json list = json::array();
  for (const Failure& failure : failures) {
    list.push_back({{"source", failure.source},
                    {"partition", failure.partition},
                    {"sink", failure.sink},
                    {"stage", failure.stage},
                    {"attempts", failure.attempts},
                    {"transient", failure.transient},
                    {"error", failure.error}});
  }
  return list;
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

PartitionCounts& PartitionCounts::operator+=(const PartitionCounts& other) {
  total += other.total;
  done += other.done;
  skipped += other.skipped;
  failed += other.failed;
  missing += other.missing;
  return *this;
}

void Summary::add_up_rows(const RowCounts& read_once) {
  if (sinks.size() == 1) {
    rows = sinks.front().rows;
    return;
  }
  rows.read += read_once.read;
  rows.rejected += read_once.rejected;
  for (const SinkSummary& sink : sinks) {
    rows.filtered += sink.rows.filtered;
    rows.added += sink.rows.added;
    rows.written += sink.rows.written;
  }
}

void Summary::conclude(bool interrupted) {
  std::ranges::sort(failures, [](const Failure& a, const Failure& b) {
    return std::tie(a.partition, a.sink) < std::tie(b.partition, b.sink);
  });
  if (interrupted) status = "interrupted";
  else if (!failures.empty()) status = "failed";
}

json Summary::json() const {
  nlohmann::json by_stage = nlohmann::json::object();
  for (const StageSummary& stage : stages) {
    by_stage[stage.name] = {{"kind", stage.kind},
                            {"plugin", stage.plugin},
                            {"rows_in", stage.counts.rows_in},
                            {"rows_out", stage.counts.rows_out},
                            {"rejected", stage.counts.rejected},
                            {"seconds", seconds(stage.counts.busy)},
                            {"peak_memory_bytes", stage.peak_memory_bytes}};
  }
  nlohmann::json by_sink = nlohmann::json::object();
  for (const SinkSummary& sink : sinks) {
    by_sink[sink.name] = {{"rows", to_json(sink.rows)}, {"partitions", to_json(sink.partitions)}};
  }
  return {{"pipeline", pipeline},
          {"run_id", run_id},
          {"status", status},
          {"delivery", delivery},
          {"partitions", to_json(partitions)},
          {"rows", to_json(rows)},
          {"bytes", {{"downloaded", bytes_downloaded}, {"decoded", bytes_decoded}}},
          {"elapsed_seconds", elapsed_seconds},
          {"peak_memory_bytes", peak_memory_bytes},
          {"stages", by_stage},
          {"sinks", by_sink},
          {"failures", to_json(failures)},
          {"left_behind", to_json(left_behind)}};
}

std::string Summary::text() const {
  std::string out =
      fmt::format("pipeline \"{}\": {} ({}, run {})\n", pipeline, status, delivery, run_id);
  out +=
      fmt::format("partitions: {} done, {} skipped, {} failed, {} missing, of {}\n",
                  grouped(partitions.done), grouped(partitions.skipped), grouped(partitions.failed),
                  grouped(partitions.missing), grouped(partitions.total));
  out += fmt::format("rows: {} read, {} filtered, {} rejected, {} written{}\n", grouped(rows.read),
                     grouped(rows.filtered), grouped(rows.rejected), grouped(rows.written),
                     rows.added == 0 ? "" : fmt::format(", {} added", grouped(rows.added)));
  out += fmt::format(
      "bytes: {} downloaded, {} decoded; {} in all, {} rows/s; peak memory {}\n",
      human_bytes(static_cast<double>(bytes_downloaded)),
      human_bytes(static_cast<double>(bytes_decoded)), human_seconds(elapsed_seconds),
      grouped(elapsed_seconds > 0
                  ? static_cast<std::int64_t>(static_cast<double>(rows.read) / elapsed_seconds)
                  : 0),
      human_bytes(static_cast<double>(peak_memory_bytes)));
  std::vector<std::vector<std::string>> table = {
      {"stage", "plugin", "rows in", "rows out", "seconds", "memory"}};
  for (const StageSummary& stage : stages) {
    table.push_back({fmt::format("{} {}", stage.kind, stage.name), stage.plugin,
                     grouped(stage.counts.rows_in), grouped(stage.counts.rows_out),
                     fmt::format("{:.2f}", seconds(stage.counts.busy)),
                     human_bytes(static_cast<double>(stage.peak_memory_bytes))});
  }
  out += aligned(table);
  for (const Failure& failure : failures) {
    const std::string sink = failure.sink.empty() ? "" : " into " + failure.sink;
    out += fmt::format("failed: {}{} after {}: {}\n", failure.partition, sink,
                       counted(failure.attempts, "attempt"), printable(failure.error, "\n    "));
  }
  for (const Failure& failure : left_behind) {
    out += fmt::format("left behind: {} into {} failed and is not in the plan any more: {}\n",
                       failure.partition, failure.sink, printable(failure.error, "\n    "));
  }
  if (!left_behind.empty()) out += fmt::format("  {}\n", left_behind_remedy);
  return out;
}

std::int64_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::stoll(line.substr(6)) * 1024;
  }
  return 0;
}

}  // namespace etl::runtime
