/// \file
/// What asks work to stop: a flag of the run, and the time limit of an attempt.
#pragma once

#include "core/runtime/base/mutex.hpp"
#include "core/runtime/base/notifier.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

namespace etl::runtime {

/// Milliseconds of a monotonic clock that all processes share.
inline std::int64_t monotonic_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

/// When the attempt that this thread works on exceeds its time limit, by monotonic_ms(); 0 = never.
inline thread_local std::int64_t attempt_ends_at = 0;

/// Asks everything in a run to stop. Any thread may set it and read it; a signal handler may not
/// (see app/cli/signals.hpp, which waits for signals on a thread).
class Cancellation {
 public:
  /// Requests a stop; `reason` is a signal number, or 0. Later calls have no effect.
  void request(int reason) {
    {
      const MutexLock lock(mutex_);
      if (requested_) return;
      reason_ = reason;
      requested_ = true;
    }
    wakers_.notify();
  }
  [[nodiscard]] bool requested() const { return requested_; }
  /// Whether this thread is to stop: the run stops, or its attempt has exceeded its time limit.
  [[nodiscard]] bool requested_here() const {
    return requested_ || (attempt_ends_at != 0 && monotonic_ms() > attempt_ends_at);
  }
  /// The reason given with the request; 0 before one was made.
  [[nodiscard]] int reason() const { return reason_; }

  /// Calls `wake` when a stop is requested, so that a sleeping thread checks the flag. Ends with
  /// the subscription's lifetime.
  class Subscription {
   public:
    Subscription(Cancellation& owner, std::function<void()> wake)
        : subscription_(owner.wakers_, std::move(wake)) {}

   private:
    Notifier::Subscription subscription_;
  };

 private:
  std::atomic<bool> requested_ = false;
  std::atomic<int> reason_ = 0;
  Mutex mutex_;
  Notifier wakers_;
};

}  // namespace etl::runtime
