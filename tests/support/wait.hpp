/// \file
/// Polling in tests.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace etl_test {

/// Polls until `condition` holds. Returns false if it does not within `patience`.
inline bool wait_until(const std::function<bool()>& condition,
                       std::chrono::milliseconds patience = std::chrono::seconds(30)) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace etl_test
