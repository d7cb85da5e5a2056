/// \file
/// Fault injection: kills, fails or delays a run at a known point.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace etl::runtime {

/// Where a fault can be placed. Each attempt passes each point once, sink points once per sink.
enum class FaultPoint : std::size_t {
  source_open,     ///< "source.open": before the source opens (and fetches) the partition
  source_opened,   ///< "source.opened": the source has opened (fetched) it
  first_batch,     ///< "source.batch": its first batch has arrived
  sink_commit,     ///< "sink.commit": everything is written, nothing committed
  sink_committed,  ///< "sink.committed": committed, but the runner does not know yet
};
constexpr std::size_t fault_points = 5;

/// Counts how often each point was passed. Lies in memory that all processes of a run share.
using FaultCounters = std::array<std::atomic<std::int64_t>, fault_points>;

/// The faults of a run, each written `POINT[@N]=ACTION`. The N-th time (default: the first; `*`:
/// every time) that the run passes the point, `kill` ends that process with SIGKILL, `error` fails
/// the attempt with a transient error, and `delay:TIME` waits. Thread-safe.
class FaultPlan {
 public:
  FaultPlan() = default;
  /// Throws Error (config) for an invalid fault.
  explicit FaultPlan(const std::vector<std::string>& faults);

  [[nodiscard]] bool empty() const { return faults_.empty(); }
  /// Counts in `counters` from now on; they must outlive the plan.
  void share(FaultCounters& counters) { counters_ = &counters; }

  /// Passes the point. Throws Error (transient) if a fault asks for it.
  void pass(FaultPoint point);

 private:
  enum class Action { kill, error, delay };
  struct Fault {
    FaultPoint point = FaultPoint::source_open;
    std::int64_t at = 1;  ///< 0 = every time
    Action action = Action::error;
    std::chrono::milliseconds delay{0};
    std::string text;
  };
  static Fault parse(const std::string& text);

  std::vector<Fault> faults_;
  FaultCounters own_{};
  FaultCounters* counters_ = &own_;
};

}  // namespace etl::runtime
