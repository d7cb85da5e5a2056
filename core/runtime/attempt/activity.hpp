/// \file
/// What a thread is working on, for observers in other threads and processes; and the deadline of
/// its attempt.
#pragma once

#include "core/runtime/base/cancellation.hpp"
#include "core/runtime/base/units.hpp"

#include <etl/error.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace etl::runtime {

/// Written by the thread that works, read by any. Plain atomics, so that it can lie in memory
/// shared between processes.
struct Activity {
  static constexpr std::int32_t none = -1;
  std::atomic<std::int32_t> stage = none;    ///< NodeIndex of the stage whose code runs
  std::atomic<std::int64_t> partition = -1;  ///< AttemptRequest::job; -1 = idle
  std::atomic<std::int64_t> deadline = 0;    ///< by monotonic_ms(); 0 = none
};

/// The activity of this thread; nullptr = it has no observer.
inline thread_local Activity* this_activity = nullptr;

/// The alternate signal stack of the thread that makes it, for its lifetime: a thread that ran out
/// of stack has none left for the crash handler, which records the activity that caused the crash.
class CrashStack {
 public:
  CrashStack() {
    stack_t fresh{};
    fresh.ss_sp = memory_.get();
    fresh.ss_size = size;
    set_ = sigaltstack(&fresh, &before_) == 0;
  }
  ~CrashStack() {
    if (set_) sigaltstack(&before_, nullptr);
  }
  CrashStack(const CrashStack&) = delete;
  CrashStack& operator=(const CrashStack&) = delete;

 private:
  static constexpr std::size_t size = std::size_t{64} << 10;
  std::unique_ptr<std::byte[]> memory_ = std::make_unique<std::byte[]>(size);
  stack_t before_{};
  bool set_ = false;
};

/// The time limit of an attempt, not counting its waits for others. Stages on its thread see it,
/// too: see Cancellation::requested_here(). One thread at a time.
class Deadline {
 public:
  /// `limit` 0 = none. `shown` may be nullptr.
  Deadline(std::chrono::milliseconds limit, Activity* shown) : left_(limit.count()), shown_(shown) {
    if (left_ == 0) return;
    limited_ = true;
    resume();
  }
  ~Deadline() { pause(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void pause() {
    if (!limited_ || at_ == 0) return;
    left_ = at_ - monotonic_ms();
    show(0);
  }
  void resume() {
    if (limited_ && at_ == 0) show(monotonic_ms() + left_);
  }
  [[nodiscard]] bool passed() const {
    return limited_ && (at_ != 0 ? monotonic_ms() > at_ : left_ < 0);
  }

 private:
  void show(std::int64_t at) {
    at_ = at;
    attempt_ends_at = at;
    if (shown_ != nullptr) shown_->deadline.store(at, std::memory_order_relaxed);
  }
  bool limited_ = false;
  std::int64_t left_;
  std::int64_t at_ = 0;
  Activity* shown_;
};

/// The failure of an attempt that exceeded its time limit (transient).
[[nodiscard]] inline Error time_limit_exceeded(std::chrono::milliseconds limit) {
  return Error::transient("took longer than run.partition_timeout = " + duration_text(limit));
}

}  // namespace etl::runtime
