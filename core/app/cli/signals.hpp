/// \file
/// SIGINT and SIGTERM: the first requests a stop with rollback, the second ends the process.
#pragma once

#include "core/runtime/base/cancellation.hpp"

#include <thread>

namespace etl::app {

/// Waits for signals on a thread of its own, so no code has to be safe in a signal handler.
/// REQUIRES: constructed before any other thread, because threads inherit the signal mask.
class SignalWatch {
 public:
  explicit SignalWatch(runtime::Cancellation& cancellation);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  std::thread thread_;
};

}  // namespace etl::app
