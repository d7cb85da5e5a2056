/// \file
/// Memory that the processes of a run share: what each worker is doing, slots that all of them take
/// from, and counters of fault points.
#pragma once

#include "core/runtime/attempt/activity.hpp"
#include "core/runtime/attempt/faults.hpp"
#include "core/runtime/base/descriptor.hpp"
#include "core/runtime/base/mutex.hpp"

#include <etl/abi.h>

#include <cstddef>
#include <string>
#include <vector>

namespace etl::runtime {

/// The state of one worker process, which it shows to the runner.
struct WorkerBoard {
  static constexpr std::size_t max_stages = 256;
  std::atomic<std::int64_t> rows_read = 0;
  std::atomic<std::int64_t> rows_written = 0;
  std::atomic<std::int32_t> ended_in =
      Activity::none;  ///< activity of the thread that ended the process
  std::array<Activity, max_stages> activities;
};

/// Made by the runner, mapped by every worker. An anonymous file in memory: nothing is left behind,
/// however the run ends. Thread-safe.
class RunBoard {
 public:
  /// For a run of so many workers. Throws Error (transient) when there is no memory.
  explicit RunBoard(std::size_t workers);
  /// In a worker, from its inherited descriptor. Throws the same.
  static RunBoard inherited(int descriptor, std::size_t workers);
  ~RunBoard();
  RunBoard(RunBoard&& other) noexcept;
  RunBoard(const RunBoard&) = delete;
  RunBoard& operator=(const RunBoard&) = delete;

  [[nodiscard]] int descriptor() const { return file_.get(); }
  [[nodiscard]] WorkerBoard& worker(std::size_t number);
  [[nodiscard]] FaultCounters& faults();

 private:
  RunBoard(Descriptor file, std::size_t workers, bool fresh);
  struct Layout;
  Descriptor file_;
  std::size_t size_ = 0;
  void* memory_ = nullptr;
};

/// Slots shared by all processes that have the board's descriptor: each is a lock on one byte of
/// the file, which the kernel releases when a process ends. Thread-safe.
class RunSlots {
 public:
  /// Opens the board again, because such locks belong to an open file. Throws Error (transient).
  explicit RunSlots(int board_descriptor);
  RunSlots(const RunSlots&) = delete;
  RunSlots& operator=(const RunSlots&) = delete;

  /// For etl_host.extension(); valid for the lifetime of this object.
  [[nodiscard]] const etl_slots* abi() const { return &abi_; }

 private:
  int try_acquire(std::string_view name, std::uint32_t limit);
  void release(int slot);

  const Descriptor file_;
  Mutex mutex_;
  std::vector<std::int64_t> held_ ETL_GUARDED_BY(mutex_);  ///< by slot: the locked byte; 0 = none
  etl_slots abi_{};
};

}  // namespace etl::runtime
