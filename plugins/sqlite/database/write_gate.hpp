/// \file
/// WriteGate: admits one writer of a sink at a time.
#pragma once

#include <etl/context.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace sqlite {

/// Admits one writer until it releases its Hold. SQLite's own lock has a timeout (busy_timeout), but
/// a partition of the same sink may take any time. Sinks that share the file, also in other
/// processes of the run, take turns by the runner's write slots (`max_writers`, resource()); other
/// programs are kept out by the lock of the transaction.
///
/// Not a std::mutex: another thread may release the Hold, and cancellation ends the wait.
class WriteGate {
 public:
  /// The right to write, released by the destructor. Movable; must not outlive its gate.
  class Hold {
   public:
    explicit Hold(WriteGate& gate) : gate_(&gate) {}
    Hold(Hold&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold() {
      if (gate_ != nullptr) gate_->release();
    }

   private:
    WriteGate* gate_;
  };

  /// Waits for the gate. Throws Error (cancelled) once the host asks to stop.
  [[nodiscard]] Hold enter(const etl::Context& context) {
    std::unique_lock lock(mutex_);
    while (taken_) {
      if (context.cancelled()) throw etl::Error::cancelled();
      freed_.wait_for(lock, time_between_polls);
    }
    taken_ = true;
    return Hold(*this);
  }
  /// Nothing if another writer has the gate.
  [[nodiscard]] std::optional<Hold> try_enter() {
    const std::lock_guard lock(mutex_);
    if (taken_) return std::nullopt;
    taken_ = true;
    return std::optional<Hold>(std::in_place, *this);
  }

 private:
  static constexpr std::chrono::milliseconds time_between_polls{50};

  void release() {
    {
      const std::lock_guard lock(mutex_);
      taken_ = false;
    }
    freed_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable freed_;
  bool taken_ = false;
};

}  // namespace sqlite
