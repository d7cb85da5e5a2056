/// \file
/// How far a run is: bars on a terminal, a line every few seconds elsewhere, or JSON lines.
#pragma once

#include "core/runtime/base/log.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace etl::runtime {

enum class ProgressMode { bar, plain, json, off };

/// Counts as they happen, and shows them from a thread of its own. Every member may be called from
/// any thread.
class Progress {
 public:
  Progress(ProgressMode mode, Log& log);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Begins to show; `partitions` are to be done.
  void start(std::size_t partitions);
  /// Shows the last state and ends. Also done by the destructor.
  void stop();

  void rows(std::int64_t count) { rows_.fetch_add(count, std::memory_order_relaxed); }
  void written(std::int64_t count) { written_.fetch_add(count, std::memory_order_relaxed); }
  void begin(const std::string& partition);
  void end(const std::string& partition);
  void finished() { finished_.fetch_add(1, std::memory_order_relaxed); }
  void failed() { failed_.fetch_add(1, std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;
  void show_until_stopped();
  void show(bool last);
  [[nodiscard]] std::string line() const;
  [[nodiscard]] std::string bars(std::size_t& lines) const;
  [[nodiscard]] std::string json_line() const;
  [[nodiscard]] double elapsed() const;
  [[nodiscard]] double eta() const;
  void erase_bars();

  ProgressMode mode_;
  Log& log_;
  std::atomic<std::int64_t> rows_ = 0;
  std::atomic<std::int64_t> written_ = 0;
  std::atomic<std::int64_t> finished_ = 0;
  std::atomic<std::int64_t> failed_ = 0;
  std::size_t total_ = 0;
  Clock::time_point started_{};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::multimap<std::string, Clock::time_point> active_;  ///< two sources may share an id
  bool stop_ = false;
  std::size_t drawn_ = 0;  ///< lines of the bars on the terminal; guarded by the log's lock
  std::thread thread_;
};

}  // namespace etl::runtime
