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
  /// The partition's data has yet to arrive, and a worker would read it.
  void waits(const std::string& partition);
  /// An attempt at it begins; nobody waits for it any more.
  void begin(const std::string& partition);
  void end(const std::string& partition);
  void finished() { finished_.fetch_add(1, std::memory_order_relaxed); }
  void failed() { failed_.fetch_add(1, std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;
  /// By partition, since when; those of two sources may share an id.
  using Times = std::multimap<std::string, Clock::time_point>;
  struct Entry {
    std::string partition;
    double seconds = 0;  ///< since it was entered
  };
  using Entries = std::vector<Entry>;  ///< longest first
  void show_until_stopped();
  void show(bool last);
  [[nodiscard]] std::string numbers(std::size_t awaited) const;
  [[nodiscard]] std::string line() const;
  [[nodiscard]] std::vector<std::string> bars(std::size_t columns) const;
  [[nodiscard]] std::string json_line() const;
  [[nodiscard]] double elapsed() const;
  [[nodiscard]] double eta(std::size_t awaited) const;
  [[nodiscard]] static Entries entries(const Times& times);
  [[nodiscard]] Entries active() const ETL_EXCLUDES(mutex_);
  [[nodiscard]] Entries awaited() const ETL_EXCLUDES(mutex_);
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
  Times active_ ETL_GUARDED_BY(mutex_);  ///< in progress
  Times awaited_ ETL_GUARDED_BY(mutex_);
  bool stop_ ETL_GUARDED_BY(mutex_) = false;
  RedrawnLines drawn_;  ///< the bars; guarded by the lock of the log
  std::thread thread_;
};

}  // namespace etl::runtime
