/// \file
/// The host side of the checks: records and counts what a stage reports.
#pragma once

#include <etl/abi.h>
#include <etl/error.hpp>
#include <etl/testing/conformance/subject.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

namespace etl::inline v1::conformance {

namespace detail {
using namespace etl::v1::detail;
}

using namespace etl::v1::detail;

/// Passed to create(). Any thread may use it; must outlive the stage.
class MockHost {
 public:
  MockHost() = default;
  MockHost(const MockHost&) = delete;
  MockHost& operator=(const MockHost&) = delete;

  [[nodiscard]] const etl_host* abi() const { return &abi_; }
  [[nodiscard]] std::int64_t held() const { return held_; }
  void cancel() { cancelled_ = true; }
  /// The number of wake() calls so far.
  [[nodiscard]] std::int64_t wakes() {
    const std::lock_guard lock(mutex_);
    return wakes_;
  }
  /// Waits for one more than `seen`. Returns false if none comes in time.
  [[nodiscard]] bool woken(std::int64_t seen, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return woken_.wait_for(lock, limit, [&] { return wakes_ != seen; });
  }

 private:
  static MockHost& of(void* ctx) { return *static_cast<MockHost*>(ctx); }

  std::atomic<std::int64_t> held_{0};
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  std::condition_variable woken_;
  std::int64_t wakes_ = 0;
  etl_host abi_ = {sizeof(etl_host),
                   ETL_ABI_MINOR,
                   this,
                   [](void*, std::uint32_t, etl_str) {},
                   [](void* ctx) { return of(ctx).cancelled_ ? 1 : 0; },
                   [](void*, const char*) -> const void* { return nullptr; },
                   [](void* ctx, std::int64_t change) { of(ctx).held_ += change; },
                   [](void* ctx) {
                     const std::lock_guard lock(of(ctx).mutex_);
                     ++of(ctx).wakes_;
                     of(ctx).woken_.notify_all();
                   }};
};

/// One attempt at a partition. Used by one thread, except for cancel().
class MockTask {
 public:
  MockTask() = default;
  MockTask(const MockTask&) = delete;
  MockTask& operator=(const MockTask&) = delete;

  [[nodiscard]] const etl_task* abi() const { return &abi_; }
  void cancel() { cancelled_ = true; }

  std::int64_t read = 0, dropped = 0;
  bool counted = false;  ///< whether ETL_ROWS_READ was reported
  std::int64_t rejected = 0;
  bool unexplained = false;  ///< whether a reject had no reason
  std::optional<etl_error> failed;

 private:
  static MockTask& of(void* ctx) { return *static_cast<MockTask*>(ctx); }
  static void count(void* ctx, std::uint32_t counter, std::int64_t n) {
    if (counter == ETL_ROWS_DROPPED) of(ctx).dropped += n;
    if (counter != ETL_ROWS_READ) return;
    of(ctx).read += n;
    of(ctx).counted = true;
  }
  static void reject(void* ctx, const etl_reject* reject) {
    ++of(ctx).rejected;
    if (reject->reason.size == 0) of(ctx).unexplained = true;
  }

  std::atomic<bool> cancelled_{false};
  etl_task abi_ = {sizeof(etl_task),
                   this,
                   &count,
                   &reject,
                   [](void* ctx) { return of(ctx).cancelled_ ? 1 : 0; },
                   [](void* ctx, const etl_error* error) { of(ctx).failed = *error; }};
};

/// `ETL_CONFIG`, ...
inline std::string code_text(int code) {
  static constexpr const char* names[] = {"ETL_OK",        "ETL_CONFIG",  "ETL_TRANSIENT",
                                          "ETL_PERMANENT", "ETL_MISSING", "ETL_CANCELLED",
                                          "ETL_CONFLICT",  "ETL_INTERNAL"};
  return code >= 0 && code <= ETL_INTERNAL ? names[code] : "code " + std::to_string(code);
}

/// The result of a call: its code and the error that it filled in.
struct Result {
  int code = ETL_OK;
  etl_error error = detail::empty_error();

  explicit operator bool() const { return code == ETL_OK; }
  [[nodiscard]] std::string message() const { return detail::bounded_text(error.message); }
  [[nodiscard]] std::string option() const { return detail::bounded_text(error.option); }
  /// `ETL_CONFIG: there is no column "a"`
  [[nodiscard]] std::string text() const { return code_text(code) + ": " + message(); }
};

/// Calls a function of a stage's table with `args` and an error to fill in.
template <class... Params, class... Args>
Result call(int (*function)(Params...), Args... args) {
  Result result;
  result.code = function(args..., &result.error);
  return result;
}

/// Fails the check unless the call `what` succeeded.
inline void require_ok(const Result& result, const std::string& what) {
  require(result.code == ETL_OK, what + " failed: " + result.text());
}

}  // namespace etl::inline v1::conformance
