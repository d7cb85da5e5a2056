#include "core/runtime/schedule/heartbeats.hpp"

#include "core/runtime/base/host_name.hpp"
#include "core/runtime/pipeline/in_progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace etl::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds pause_between{2000};
/// After a heartbeat that found somebody else at the database.
constexpr milliseconds pause_before_retry{200};
/// For the last word, which a lost run's reader would otherwise wait ten seconds for.
constexpr int last_tries = 5;
/// What a living run removes of others: those that nobody will ask for any more.
constexpr std::chrono::minutes forgotten_after{10};

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
  if (!sinks_.empty()) thread_ = std::thread([this] { beat_until_the_end(); });
}

Heartbeats::~Heartbeats() {
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  take_back();
}

void Heartbeats::beat_until_the_end() {
  milliseconds pause = pause_between;
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, pause, [this] { return ended_; })) {
    lock.unlock();
    const std::vector<Scheduler::InHand> in_hand = scheduler_.in_hand();
    bool told = true;
    for (const NodeIndex sink : std::set(sinks_))
      told = beat(sink, in_hand, forgotten_after) && told;
    pause = told ? pause_between : pause_before_retry;
    lock.lock();
  }
}

Heartbeat Heartbeats::beat_of(NodeIndex sink, const std::vector<Scheduler::InHand>& in_hand) const {
  Heartbeat beat{run_.pipeline, graph_[sink].name, run_.run_id, {}, 0};
  for (const Scheduler::InHand& each : in_hand) {
    if (std::ranges::find(each.sinks, sink) == each.sinks.end()) continue;
    beat.records.push_back({run_.pipeline, graph_[each.source].name, beat.sink, each.partition,
                            run_.run_id, task_, host_, static_cast<std::uint32_t>(::getpid()),
                            each.attempt, each.since, 0});
  }
  return beat;
}

bool Heartbeats::beat(NodeIndex sink, const std::vector<Scheduler::InHand>& in_hand,
                      std::chrono::microseconds forget_after) {
  Heartbeat beat = beat_of(sink, in_hand);
  beat.forget_after = forget_after.count();
  if (beat.records.empty() && !told_.contains(sink)) return true;
  try {
    graph_.sink(sink).heartbeat(beat);
    told_.insert(sink);
    return true;
  } catch (const Error& error) {
    if (error.code() == Code::transient) return false;
    // A table that may not be created stays so.
    log_.debug("what the run has in hand is not shown: " + error.message());
    sinks_.erase(sink);
    return true;
  }
}

/// What lost runs left goes with it.
void Heartbeats::take_back() {
  for (const NodeIndex sink : std::set(told_)) {
    for (int tries = 0; tries < last_tries && !beat(sink, {}, lost_after); ++tries)
      std::this_thread::sleep_for(pause_before_retry);
  }
}

}  // namespace etl::runtime
