/// \file
/// Shows the progress of a run: a bar on a terminal, a log line every few seconds, or JSON lines.
#pragma once

#include "core/runtime/base/log.hpp"
#include "core/runtime/base/mutex.hpp"
#include "core/runtime/base/terminal.hpp"

#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace etl::runtime {

enum class ProgressMode { bar, plain, json, off };

/// Counts events, and shows the counts from a thread of its own. start() and stop() belong to the
/// owner; every other member may be called from any thread.
class Progress {
 public:
  Progress(ProgressMode mode, Log& log);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Starts showing the progress through so many partitions.
  void start(std::size_t partitions);
  /// Shows the final state and stops. The destructor does the same.
  void stop();
  /// Shows the current state now.
  void refresh() { show(false); }

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
  [[nodiscard]] std::vector<std::string> bars(std::size_t columns) const;
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

  mutable Mutex mutex_;
  Condition wake_;
  /// Partitions in progress; those of two sources may share an id.
  std::multimap<std::string, Clock::time_point> active_ ETL_GUARDED_BY(mutex_);
  bool stop_ ETL_GUARDED_BY(mutex_) = false;
  RedrawnLines drawn_;  ///< the bars; guarded by the lock of the log
  std::thread thread_;
};

}  // namespace etl::runtime
