/// \file
/// Accounting of memory in use, per stage and per run.
#pragma once

#include <atomic>
#include <cstdint>

namespace etl::runtime {

/// Counts bytes in use and their peak. Additions also go to `total`, which must outlive this
/// object. Thread-safe; the peak is approximate.
class MemoryAccount {
 public:
  explicit MemoryAccount(MemoryAccount* total = nullptr) : total_(total) {}
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  void add(std::int64_t bytes) {
    const std::int64_t now = now_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    std::int64_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
    if (total_ != nullptr) total_->add(bytes);
  }
  [[nodiscard]] std::int64_t now() const { return now_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t peak() const { return peak_.load(std::memory_order_relaxed); }

 private:
  MemoryAccount* total_;
  std::atomic<std::int64_t> now_ = 0;
  std::atomic<std::int64_t> peak_ = 0;
};

}  // namespace etl::runtime
