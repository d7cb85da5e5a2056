/// \file
/// What a thread that works on a partition is at, for whoever watches it from another thread or
/// process.
#pragma once

#include <time.h>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace etl::runtime {

/// Shown by the thread that works, read by any. Plain atomics, so that it can lie in memory shared
/// between processes.
struct Activity {
  static constexpr std::int32_t none = -1;
  std::atomic<std::int32_t> stage = none;    ///< NodeIndex of the stage whose code runs
  std::atomic<std::int64_t> partition = -1;  ///< number of the job in the run
  std::atomic<std::int64_t> deadline = 0;    ///< by Deadline::now_ms(); 0 = none runs
};

/// Where this thread shows what it is at; nullptr where nobody looks.
inline thread_local Activity* this_activity = nullptr;

/// How long an attempt may take, not counting what it waits for others. One thread at a time.
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
    left_ = at_ - now_ms();
    show(0);
  }
  void resume() {
    if (limited_ && at_ == 0) show(now_ms() + left_);
  }
  [[nodiscard]] bool passed() const { return limited_ && at_ != 0 && now_ms() > at_; }

  /// Milliseconds of a clock that all processes share and nobody sets.
  static std::int64_t now_ms() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
  }

 private:
  void show(std::int64_t at) {
    at_ = at;
    if (shown_ != nullptr) shown_->deadline.store(at, std::memory_order_relaxed);
  }
  bool limited_ = false;
  std::int64_t left_;
  std::int64_t at_ = 0;
  Activity* shown_;
};

}  // namespace etl::runtime
