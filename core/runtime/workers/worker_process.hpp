/// \file
/// A worker process, from outside: started, spoken to, and what is said of its end.
#pragma once

#include "core/runtime/workers/worker_protocol.hpp"

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace etl::runtime {

/// One thread at a time, which must live as long as the process: its end is the worker's.
class WorkerProcess {
 public:
  /// Starts `program` as a worker, in a process group of its own, so that what a terminal sends to
  /// the runner does not reach it. Throws Error (transient) when it cannot be started.
  WorkerProcess(const std::filesystem::path& program, int board);
  /// Kills it where it still runs.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  [[nodiscard]] const WorkerChannel& channel() const { return channel_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  void kill() const;
  /// Waits for its end: "was killed by signal 11 (Segmentation fault)", "ended with exit code 3".
  std::string wait();
  /// Whether its end comes within this time.
  bool ends_within(std::chrono::milliseconds patience);

 private:
  WorkerChannel channel_;
  pid_t pid_ = -1;
  int status_ = 0;
  bool waited_ = false;
};

}  // namespace etl::runtime
