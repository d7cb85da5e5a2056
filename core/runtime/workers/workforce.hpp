/// \file
/// The workers of a run that have not given up.
#pragma once

#include "core/runtime/base/log.hpp"
#include "core/runtime/base/mutex.hpp"
#include "core/runtime/base/text_format.hpp"

#include <etl/error.hpp>

#include <fmt/format.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace etl::runtime {

/// The workers of a run that go on. Thread-safe.
class Workforce {
 public:
  explicit Workforce(std::size_t workers) : asked_(workers), left_(workers) {}

  /// A worker has no process: returns whether it may give up, because others go on.
  bool give_up(const std::string& why) {
    const MutexLock lock(mutex_);
    if (left_ == 1) return false;
    --left_;
    why_ = why;
    return true;
  }
  /// A worker has begun an attempt.
  void serve() { served_ = true; }
  /// The last worker cannot start a process: returns whether that ends the run, because no other
  /// has had one either.
  bool end(const Error& error) {
    if (served_) return false;
    const MutexLock lock(mutex_);
    failure_ = error;
    return true;
  }
  /// Throws the error of end().
  void report(Log& log) const {
    const MutexLock lock(mutex_);
    if (failure_) throw Error(*failure_);
    if (left_ == asked_) return;
    log.warn(fmt::format("ran with {} of {}, because no more could be started: {}", left_,
                         counted(static_cast<std::int64_t>(asked_), "worker"), why_));
  }

 private:
  mutable Mutex mutex_;
  const std::size_t asked_;
  std::size_t left_ ETL_GUARDED_BY(mutex_);
  std::string why_ ETL_GUARDED_BY(mutex_);
  std::optional<Error> failure_ ETL_GUARDED_BY(mutex_);
  std::atomic<bool> served_ = false;
};

}  // namespace etl::runtime
