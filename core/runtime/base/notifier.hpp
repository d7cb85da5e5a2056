/// \file
/// Tells threads that sleep that something has changed.
#pragma once

#include "core/runtime/base/mutex.hpp"

#include <functional>
#include <utility>
#include <vector>

namespace etl::runtime {

/// Passes notify() on to its subscribers. Thread-safe.
class Notifier {
 public:
  /// Calls every subscriber. The caller holds no lock that a subscriber takes.
  void notify() {
    const MutexLock lock(mutex_);
    for (const auto& [key, call] : subscribers_) call();
  }

  /// Has `call` called by every notify(), on its thread, during the subscription's lifetime.
  class Subscription {
   public:
    Subscription(Notifier& owner, std::function<void()> call) : owner_(owner) {
      const MutexLock lock(owner_.mutex_);
      owner_.subscribers_.emplace_back(this, std::move(call));
    }
    ~Subscription() {
      const MutexLock lock(owner_.mutex_);
      std::erase_if(owner_.subscribers_, [this](const auto& each) { return each.first == this; });
    }
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

   private:
    Notifier& owner_;
  };

 private:
  Mutex mutex_;
  std::vector<std::pair<const Subscription*, std::function<void()>>> subscribers_
      ETL_GUARDED_BY(mutex_);
};

}  // namespace etl::runtime
