/// \file
/// Makes attempts at partitions in this process. It reads on the caller's thread and writes on
/// threads of its own, so that one partition is written while the next is read.
#pragma once

#include "core/runtime/attempt/partition_writer.hpp"
#include "core/runtime/attempt/reject_spools.hpp"
#include "core/runtime/base/mutex.hpp"

#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

namespace etl::runtime {

/// run() may be called from `readers` threads at once.
class AttemptRunner {
 public:
  /// Starts the writer threads. Throws std::system_error when there are not enough.
  AttemptRunner(const Graph& graph, AttemptSettings settings, Cancellation& cancellation);
  /// Waits for the writers. No run() may be in progress.
  ~AttemptRunner();
  AttemptRunner(const AttemptRunner&) = delete;
  AttemptRunner& operator=(const AttemptRunner&) = delete;

  /// Reads the partition and returns at its end. `done` is called once, by this thread or by the
  /// last writer to finish.
  void run(const AttemptRequest& request, const std::function<void(AttemptResult)>& done);

 private:
  struct Attempt;

  void start_writers();
  void stop_writers();
  Attempt& begin(const AttemptRequest& request, const std::function<void(AttemptResult)>& done);
  void read_partition(Attempt& attempt);
  std::unique_ptr<SpoolWriter> keep_rejects(const AttemptRequest& request, FlowSettings& flow);
  static void finish_rejects(Attempt& attempt);
  void write_streams_of(NodeIndex sink);
  void finish_parts(Attempt& attempt, std::size_t parts = 1) ETL_EXCLUDES(mutex_);
  void complete(std::unique_ptr<Attempt> attempt);
  [[nodiscard]] Activity* activity(NodeIndex node) const;

  const Graph& graph_;
  const AttemptSettings settings_;
  Cancellation& cancellation_;
  const WriteSlots slots_;
  Exchange exchange_;
  const PartitionWriter writer_;
  std::vector<std::thread> threads_;

  Mutex mutex_;
  std::map<Attempt*, std::unique_ptr<Attempt>> attempts_ ETL_GUARDED_BY(mutex_);
};

}  // namespace etl::runtime
