/// \file
/// Decides whether a failure is retried, and after what delay. What else can end a partition (a
/// stop, a missing input) is settled by Scheduler::settle_failure.
#pragma once

#include <etl/error.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace etl::runtime {

/// `run.retries` and `run.retry_delay`. A plain value.
struct RetryPolicy {
  std::int64_t retries = 5;
  std::chrono::milliseconds delay{500};

  /// Whether another attempt follows attempt number `attempt` (from 1), which failed with `error`.
  /// A stage that asks for a negative delay wants none before the next run.
  [[nodiscard]] bool allows(const Error& error, std::int64_t attempt) const {
    return error.code() == Code::transient && attempt <= retries &&
           error.retry_after().count() >= 0;
  }
  /// The backoff before the next attempt: `delay`, doubled with each attempt up to a minute, plus
  /// or minus a quarter; or what the failing stage asked for, if that is longer, up to 30 days.
  [[nodiscard]] std::chrono::milliseconds backoff(const Error& error, std::int64_t attempt) const;
  /// "attempt 1 of 6: disk is full", and when the next one follows a wait that somebody may notice.
  [[nodiscard]] std::string describe(const Error& error, std::int64_t attempt,
                                     std::chrono::milliseconds backoff) const;
};

}  // namespace etl::runtime
