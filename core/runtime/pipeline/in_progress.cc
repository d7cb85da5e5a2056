#include "core/runtime/pipeline/in_progress.hpp"

#include "core/runtime/base/environment.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <functional>
#include <iterator>

namespace etl::runtime {
namespace {

constexpr std::int64_t second = 1'000'000;

/// A run that writes a large partition into a database with one writer cannot send heartbeats. On
/// this machine its process can be checked instead.
bool lives_here(const RunningRecord& record) {
  if (record.host != host_name() || record.pid == 0) return false;
  return ::kill(static_cast<pid_t>(record.pid), 0) == 0 || errno == EPERM;
}

bool is_lost(const RunningRecord& record) {
  return record.silent > std::chrono::microseconds(lost_after).count() && !lives_here(record);
}

bool same_partition(const RunningRecord& one, const RunningRecord& other) {
  return one.source == other.source && one.partition == other.partition;
}

}  // namespace

std::vector<InProgress> in_progress(const Pipeline& pipeline, NodeIndex sink,
                                    const LedgerView& ledger) {
  std::vector<RunningRecord> records;
  try {
    for_each_database(pipeline, sink, [&](const SinkStage& stage) {
      std::ranges::move(stage.running(pipeline.file.name), std::back_inserter(records));
    });
  } catch (const Error&) {
    return {};  // reading the ledger, which comes first, has reported the failure
  }
  std::vector<InProgress> found;
  for (RunningRecord& record : records) {
    const LedgerRecord* settled = ledger.find(sink, record.source, record.partition);
    if (settled != nullptr && settled->finished_at >= record.since) continue;
    const bool lost = is_lost(record);
    found.push_back({std::move(record), lost});
  }
  const auto superseded = [&](const InProgress& each) {
    return each.lost && std::ranges::any_of(found, [&](const InProgress& other) {
             return same_partition(each.record, other.record) &&
                    (!other.lost || other.record.since > each.record.since);
           });
  };
  std::vector<InProgress> shown;
  std::ranges::copy_if(found, std::back_inserter(shown), std::not_fn(superseded));
  return shown;
}

nlohmann::json as_json(const InProgress& in_progress) {
  const RunningRecord& record = in_progress.record;
  nlohmann::json json = {{"source", record.source},
                         {"partition", record.partition},
                         {"task", nullptr},
                         {"host", record.host},
                         {"pid", record.pid},
                         {"attempt", record.attempt},
                         {"since", zoned_text(record.since)},
                         {"silent_seconds", record.silent / second},
                         {"run_id", record.run_id},
                         {"lost", in_progress.lost}};
  if (!record.task.empty()) json["task"] = record.task;
  return json;
}

std::string as_text(const InProgress& in_progress) {
  const RunningRecord& record = in_progress.record;
  std::string text = fmt::format("{}: {}{} (process {}), attempt {}, since {}", record.partition,
                                 record.task.empty() ? "" : fmt::format("task {} on ", record.task),
                                 record.host, record.pid, record.attempt, zoned_text(record.since));
  if (in_progress.lost) text += fmt::format("; silent for {} s", record.silent / second);
  return printable(text);
}

}  // namespace etl::runtime
