/// \file
/// Memory that the processes of a run share: what each worker is at, slots over all of them, and
/// how often a fault point was passed.
#pragma once

#include "core/runtime/attempt/activity.hpp"
#include "core/runtime/attempt/faults.hpp"

#include <etl/abi.h>

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

namespace etl::runtime {

/// What one worker process shows.
struct WorkerBoard {
  static constexpr std::size_t most_stages = 256;
  std::atomic<std::int64_t> rows_read = 0;
  std::atomic<std::int64_t> rows_written = 0;
  std::atomic<std::int32_t> ended_in = Activity::none;  ///< activity of the thread that ended it
  std::array<Activity, most_stages> activities;
};

/// Made by the runner, mapped by every worker. A file in memory without a name: nothing is left
/// behind, however the run ends. Thread-safe.
class RunBoard {
 public:
  /// For a run of so many workers. Throws Error (transient) where there is no memory.
  explicit RunBoard(std::size_t workers);
  /// In a worker, from the descriptor it inherited. Throws as above.
  static RunBoard inherited(int descriptor, std::size_t workers);
  ~RunBoard();
  RunBoard(RunBoard&& other) noexcept;
  RunBoard(const RunBoard&) = delete;
  RunBoard& operator=(const RunBoard&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] WorkerBoard& worker(std::size_t number);
  [[nodiscard]] FaultCounters& faults();

 private:
  RunBoard(int descriptor, std::size_t workers, bool fresh);
  struct Layout;
  int descriptor_ = -1;
  std::size_t size_ = 0;
  void* memory_ = nullptr;
};

/// Slots over all processes that have the board's descriptor: a lock on one byte of it each, which
/// the kernel lets go of when a process ends. Thread-safe.
class RunSlots {
 public:
  /// Opens the board anew, for such locks belong to an open file. Throws Error (transient).
  explicit RunSlots(int board_descriptor);
  ~RunSlots();
  RunSlots(const RunSlots&) = delete;
  RunSlots& operator=(const RunSlots&) = delete;

  /// For etl_host.extension(); valid as long as this object.
  [[nodiscard]] const etl_slots* abi() const { return &abi_; }

 private:
  int try_acquire(std::string_view name, std::uint32_t limit);
  void release(int slot);

  std::mutex mutex_;
  int descriptor_ = -1;
  std::vector<std::int64_t> held_;  ///< by slot: the byte that is locked; 0 = none
  etl_slots abi_{};
};

}  // namespace etl::runtime
