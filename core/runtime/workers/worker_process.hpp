/// \file
/// The outside of a worker process: starting it, talking to it, and how it ended.
#pragma once

#include "core/runtime/workers/worker_protocol.hpp"

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace etl::runtime {

/// The system has no room for another process: its limits, or memory.
class NoMoreProcesses : public Error {
 public:
  using Error::Error;
};

/// Used by the thread that made it, which must outlive the process: the kernel ends the worker with
/// that thread.
class WorkerProcess {
 public:
  /// Starts `program` as a worker, in a process group of its own, so that signals of a terminal do
  /// not reach it. Throws NoMoreProcesses, or another Error (transient) when it cannot be started.
  WorkerProcess(const std::filesystem::path& program, int board);
  /// Kills the process if it still runs.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  [[nodiscard]] const RunnerChannel& channel() const { return channel_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  void kill() const;
  /// Waits for its end and describes it: "was killed by signal 11 (Segmentation fault)", "ended
  /// with exit code 3".
  std::string wait();
  /// Waits for its end for at most this time; returns whether it has ended.
  bool ends_within(std::chrono::milliseconds patience);

 private:
  RunnerChannel channel_{Descriptor()};
  pid_t pid_ = -1;
  int status_ = 0;
  bool waited_ = false;
};

}  // namespace etl::runtime
