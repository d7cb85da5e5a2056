/// \file
/// Makes attempts at partitions in this process: reads on the caller's thread, writes on threads of
/// its own, so that one partition is written while the next is read.
#pragma once

#include "core/runtime/attempt/attempt.hpp"
#include "core/runtime/attempt/exchange.hpp"
#include "core/runtime/attempt/faults.hpp"
#include "core/runtime/attempt/reject_spools.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace etl::runtime {

struct AttemptSettings {
  RunIdentity run;
  std::size_t readers = 1;       ///< attempts that may be read at once
  std::size_t memory_limit = 0;  ///< bytes, of this process
  bool reload = false;
  bool pushdown = true;
  std::int64_t max_rejects = 0;
  std::chrono::milliseconds time_limit{0};  ///< for an attempt; 0 = none
  const etl_slots* slots = nullptr;         ///< over all processes of the run
  FaultPlan* faults = nullptr;
  const RejectSpools* rejects = nullptr;  ///< where rejects are kept; nullptr = nowhere
  std::function<void(std::int64_t rows)> on_read = [](std::int64_t) {};
  std::function<void(std::int64_t rows)> on_written = [](std::int64_t) {};
  /// Where the reading thread and each sink's writer show what they are at, by node (the reading
  /// thread under its source); nullptr = nobody looks. Only with one reader.
  Activity* activities = nullptr;
};

/// run() may be called from `readers` threads at once.
class AttemptRunner {
 public:
  /// Starts the writing threads. Throws std::system_error where there are not enough.
  AttemptRunner(const Graph& graph, AttemptSettings settings, Cancellation& cancellation);
  /// No run() may be in progress, and everything that was begun has been told as done.
  ~AttemptRunner();
  AttemptRunner(const AttemptRunner&) = delete;
  AttemptRunner& operator=(const AttemptRunner&) = delete;

  /// Reads the partition, and returns when that is done. `done` is called once, by this thread or
  /// by the writer that finishes last.
  void run(const AttemptRequest& request, const std::function<void(AttemptResult)>& done);

 private:
  struct Attempt;

  void start_writers();
  void stop_writers();
  Attempt& begin(const AttemptRequest& request, const std::function<void(AttemptResult)>& done);
  void read_partition(Attempt& attempt);
  std::unique_ptr<SpoolWriter> keep_rejects(const AttemptRequest& request, FlowSettings& flow);
  static void finish_rejects(Attempt& attempt);
  void write(NodeIndex sink);
  Outcome write_stream(SinkStream& stream);
  void write_partition(SinkStream& stream, Deadline& deadline);
  [[nodiscard]] std::optional<LedgerRecord> committed_by_this_run(const AttemptRequest& request,
                                                                  NodeIndex sink) const;
  void part_finished(Attempt& attempt, std::size_t parts = 1);
  void complete(Attempt& attempt);
  void pass(FaultPoint point) const;
  [[nodiscard]] Activity* activity(NodeIndex node) const;

  const Graph& graph_;
  AttemptSettings settings_;
  Cancellation& cancellation_;
  WriteSlots slots_;
  Exchange exchange_;
  std::vector<std::thread> writers_;
  mutable std::mutex mutex_;
  std::map<Attempt*, std::unique_ptr<Attempt>> attempts_;
};

}  // namespace etl::runtime
