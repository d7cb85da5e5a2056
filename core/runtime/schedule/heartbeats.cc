#include "core/runtime/schedule/heartbeats.hpp"

#include "core/runtime/base/environment.hpp"
#include "core/runtime/pipeline/in_progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace etl::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds interval{2000};
/// The interval after a heartbeat that found the database busy.
constexpr milliseconds retry_interval{200};
/// Attempts to withdraw a heartbeat, which would otherwise be shown for another ten seconds.
constexpr int withdraw_attempts = 5;
/// Age at which stale heartbeats of other runs are deleted.
constexpr std::chrono::minutes stale_after{10};

}  // namespace

Heartbeats::Heartbeats(const Graph& graph, const Scheduler& scheduler, RunIdentity run,
                       std::string task, Log& log)
    : graph_(graph),
      scheduler_(scheduler),
      run_(std::move(run)),
      task_(std::move(task)),
      host_(host_name()),
      log_(log) {
  for (const NodeIndex sink : graph.of_kind(Kind::sink)) {
    if (graph.sink(sink).has_heartbeat()) sinks_.insert(sink);
  }
  if (sinks_.empty()) return;
  try {
    thread_ = std::thread([this] { beat_until_stopped(); });
  } catch (const std::system_error& error) {
    log_.debug("attempts in progress are not shown: " + error.code().message());
  }
}

Heartbeats::~Heartbeats() {
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  withdraw();
}

void Heartbeats::beat_until_stopped() {
  auto next = std::chrono::steady_clock::now() + interval;
  MutexLock lock(mutex_);
  while (!stopped_) {
    if (changed_.wait_until(lock, next)) continue;
    lock.unlock();
    const Attempts attempts = scheduler_.attempts_in_progress();
    bool written = true;
    for (const NodeIndex sink : std::set(sinks_))
      written = beat(sink, attempts, stale_after) && written;
    next = std::chrono::steady_clock::now() + (written ? interval : retry_interval);
    lock.lock();
  }
}

Heartbeat Heartbeats::heartbeat_of(NodeIndex sink, const Attempts& attempts) const {
  Heartbeat beat{run_.pipeline, graph_[sink].name, run_.run_id, {}, 0};
  for (const Scheduler::AttemptInProgress& each : attempts) {
    if (std::ranges::find(each.sinks, sink) == each.sinks.end()) continue;
    beat.records.push_back({run_.pipeline, graph_[each.source].name, beat.sink, each.partition,
                            run_.run_id, task_, host_, static_cast<std::uint32_t>(::getpid()),
                            each.attempt, each.since, 0});
  }
  return beat;
}

bool Heartbeats::beat(NodeIndex sink, const Attempts& attempts,
                      std::chrono::microseconds forget_after) {
  Heartbeat beat = heartbeat_of(sink, attempts);
  beat.forget_after = forget_after.count();
  if (beat.records.empty() && !written_.contains(sink)) return true;
  try {
    graph_.sink(sink).heartbeat(beat);
    written_.insert(sink);
    return true;
  } catch (const Error& error) {
    if (error.code() == Code::transient) return false;
    // A table that may not be created now may not be created later either.
    log_.debug("attempts in progress are not shown: " + error.message());
    sinks_.erase(sink);
    return true;
  }
}

/// Also deletes the heartbeats of lost runs.
void Heartbeats::withdraw() {
  for (const NodeIndex sink : std::set(written_)) {
    for (int attempt = 0; attempt < withdraw_attempts && !beat(sink, {}, lost_after); ++attempt)
      std::this_thread::sleep_for(retry_interval);
  }
}

}  // namespace etl::runtime
