/// \file
/// One flag that says: stop.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

namespace etl::runtime {

/// Asks everything in a run to stop. Any thread may ask and any thread may look; a signal handler
/// may not (see app/signals.hpp, which waits for signals on a thread).
class Cancellation {
 public:
  /// Asks to stop; `reason` is a signal number, or 0. Later calls change nothing.
  void request(int reason) {
    const std::scoped_lock lock(mutex_);
    if (requested_) return;
    reason_ = reason;
    requested_ = true;
    for (const auto& [key, wake] : wakers_) wake();
  }
  [[nodiscard]] bool requested() const { return requested_; }
  /// Of the request; 0 before there is one.
  [[nodiscard]] int reason() const { return reason_; }

  /// Calls `wake` when the stop is requested, so that somebody who sleeps looks at the flag, until
  /// the subscription is destroyed.
  class Subscription {
   public:
    Subscription(Cancellation& owner, std::function<void()> wake) : owner_(owner) {
      const std::scoped_lock lock(owner_.mutex_);
      owner_.wakers_.emplace_back(this, std::move(wake));
    }
    ~Subscription() {
      const std::scoped_lock lock(owner_.mutex_);
      std::erase_if(owner_.wakers_, [this](const auto& waker) { return waker.first == this; });
    }
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

   private:
    Cancellation& owner_;
  };

 private:
  std::atomic<bool> requested_ = false;
  std::atomic<int> reason_ = 0;
  std::mutex mutex_;
  std::vector<std::pair<const Subscription*, std::function<void()>>> wakers_;
};

}  // namespace etl::runtime
