/// \file
/// A host for tests that use a stage from several threads; `etl::testing` has the one for authors.
#pragma once

#include <etl/context.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace etl_test {

/// An etl_host that records messages and memory, cancels on request, and offers slots. Thread-safe.
class RecordingHost {
 public:
  RecordingHost() {
    host_.struct_size = sizeof(host_);
    host_.abi_minor = ETL_ABI_MINOR;
    host_.ctx = this;
    host_.log = [](void* ctx, std::uint32_t level, etl_str text) { self(ctx).record(level, text); };
    host_.cancelled = [](void* ctx) { return self(ctx).asked() ? 1 : 0; };
    host_.extension = [](void* ctx, const char* id) -> const void* {
      return std::string_view(id) == ETL_SLOTS ? self(ctx).slots_ : nullptr;
    };
    host_.memory = [](void* ctx, std::int64_t change) { self(ctx).held_ += change; };
    host_.wake = [](void* ctx) { ++self(ctx).wakes_; };
  }
  RecordingHost(const RecordingHost&) = delete;
  RecordingHost& operator=(const RecordingHost&) = delete;

  [[nodiscard]] const etl_host* abi() const { return &host_; }
  [[nodiscard]] etl::Context context() const { return etl::Context(&host_); }

  void cancel() { cancel_after(0); }
  /// cancelled() becomes true after this many calls.
  void cancel_after(int calls) { calls_left_ = calls; }
  void carry_on() { calls_left_ = never; }
  /// Offers slots that limit several processes, from now on.
  void offer(const etl_slots& slots) { slots_ = &slots; }

  /// Bytes that the stage has reported.
  [[nodiscard]] std::int64_t held() const { return held_; }
  /// Number of wake() calls so far.
  [[nodiscard]] int wakes() const { return wakes_; }
  [[nodiscard]] std::vector<std::string> messages() const {
    const std::scoped_lock lock(mutex_);
    return messages_;
  }
  /// True if a warning or error contains `part`.
  [[nodiscard]] bool has_warned(std::string_view part) const {
    const std::scoped_lock lock(mutex_);
    return std::ranges::any_of(
        warnings_, [&](const std::string& text) { return text.find(part) != std::string::npos; });
  }

 private:
  static constexpr int never = -1;
  static RecordingHost& self(void* ctx) { return *static_cast<RecordingHost*>(ctx); }

  void record(std::uint32_t level, etl_str text) {
    const std::scoped_lock lock(mutex_);
    messages_.emplace_back(text.data, text.size);
    if (level >= ETL_WARN) warnings_.emplace_back(text.data, text.size);
  }
  bool asked() {
    if (calls_left_ == never) return false;
    if (calls_left_ == 0) return true;
    --calls_left_;
    return false;
  }

  etl_host host_{};
  const etl_slots* slots_ = nullptr;
  std::atomic<int> calls_left_ = never;
  std::atomic<std::int64_t> held_ = 0;
  std::atomic<int> wakes_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> messages_;  // guarded by mutex_
  std::vector<std::string> warnings_;  // guarded by mutex_
};

}  // namespace etl_test
