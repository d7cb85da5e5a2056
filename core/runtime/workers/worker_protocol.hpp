/// \file
/// The messages between the runner and its worker processes, and the socket that carries them.
#pragma once

#include "core/runtime/attempt/attempt.hpp"
#include "core/runtime/base/descriptor.hpp"
#include "core/runtime/base/log.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace etl::runtime {

// ---- to a worker -------------------------------------------------------------------------------

/// The first message: all that a worker needs to make the same stages and attempts as the runner.
struct WorkerSetup {
  std::size_t number = 0;   ///< of this worker
  std::size_t workers = 1;  ///< of the run
  std::filesystem::path pipeline;
  std::vector<std::string> set;
  std::vector<std::filesystem::path> plugins;  ///< the libraries of its stages
  std::vector<std::string> hashes;             ///< of its nodes, in case the file has changed
  std::chrono::sys_time<std::chrono::microseconds> now;  ///< base of relative times
  std::int64_t task = 0;                                 ///< value of `{task}`
  RunIdentity run;
  std::size_t memory_limit = 0;
  bool reload = false;
  std::vector<std::string> faults;
  LogLevel log_level = LogLevel::info;
};

// An AttemptRequest: attempt this partition.

/// The partition is settled: its source may drop its caches.
struct FinishPartition {
  NodeIndex source = 0;
  std::string id;
};

/// Stop: the run was cancelled.
struct CancelAttempts {
  int reason = 0;
};

/// End: there is nothing left to attempt.
struct EndWorker {};

using WorkerOrder =
    std::variant<WorkerSetup, AttemptRequest, FinishPartition, CancelAttempts, EndWorker>;

// ---- to the runner -----------------------------------------------------------------------------

/// The worker cannot make the pipeline's stages, or has no memory or threads for them.
struct WorkerRefused {
  std::string reason;
  bool transient = false;  ///< another process may do better
};

struct WorkerLogLine {
  LogLevel level = LogLevel::info;
  std::string stage;
  std::string text;
};

/// The worker would read the partition, but its source has yet to fetch the data. Ends when the
/// attempt begins.
struct PartitionAwaited {
  std::size_t job = 0;
};

struct AttemptBegun {
  std::size_t job = 0;
};

/// The partition has been read, and perhaps not written yet.
struct PartitionRead {
  std::size_t job = 0;
};

struct AttemptDone {
  std::size_t job = 0;
  AttemptResult result;
  std::int64_t resident_bytes = 0;  ///< most of the worker process so far
};

using WorkerReport = std::variant<WorkerRefused, WorkerLogLine, PartitionAwaited, AttemptBegun,
                                  PartitionRead, AttemptDone>;

// ---- the socket --------------------------------------------------------------------------------

/// One end of a socket that keeps messages apart. One thread may send while another receives.
template <class Sent, class Received>
class MessageChannel {
 public:
  explicit MessageChannel(Descriptor socket) : socket_(std::move(socket)) {}

  [[nodiscard]] int descriptor() const { return socket_.get(); }
  /// Returns false when the other end is gone.
  bool send(const Sent& message) const;
  /// Waits for a message; returns nothing when the other end is gone.
  [[nodiscard]] std::optional<Received> receive() const;

 private:
  Descriptor socket_;
};

using RunnerChannel = MessageChannel<WorkerOrder, WorkerReport>;  ///< the runner's end
using WorkerChannel = MessageChannel<WorkerReport, WorkerOrder>;  ///< the worker's end

/// Combines one lambda per message type for std::visit.
template <class... Handlers>
struct Handle : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Handle(Handlers...) -> Handle<Handlers...>;

}  // namespace etl::runtime
