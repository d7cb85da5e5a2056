/// \file
/// A mutex whose rules clang checks: data says which mutex guards it, functions say which one they
/// need. `-Wthread-safety` (part `tidy` of tools/test.sh) rejects an access without the lock; other
/// compilers see empty macros.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define ETL_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define ETL_THREAD_SAFETY(attribute)
#endif

/// On a member: read and written under `mutex` only.
#define ETL_GUARDED_BY(mutex) ETL_THREAD_SAFETY(guarded_by(mutex))
/// On a function: the caller holds `mutex`.
#define ETL_REQUIRES(mutex) ETL_THREAD_SAFETY(requires_capability(mutex))
/// On a function: the caller does not hold `mutex`, which the function locks itself.
#define ETL_EXCLUDES(mutex) ETL_THREAD_SAFETY(locks_excluded(mutex))

namespace etl::runtime {

class ETL_THREAD_SAFETY(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

/// Holds a mutex until the end of its scope, except between unlock() and lock().
class ETL_THREAD_SAFETY(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ETL_THREAD_SAFETY(acquire_capability(mutex))
      : lock_(mutex.mutex_) {}
  ~MutexLock() ETL_THREAD_SAFETY(release_capability()) = default;
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void unlock() ETL_THREAD_SAFETY(release_capability()) { lock_.unlock(); }
  void lock() ETL_THREAD_SAFETY(acquire_capability()) { lock_.lock(); }

 private:
  friend class Condition;
  std::unique_lock<std::mutex> lock_;
};

/// A condition variable. Waits take no predicate, because clang cannot see which locks a lambda is
/// called under: callers loop.
class Condition {
 public:
  void notify_all() { condition_.notify_all(); }
  void wait(MutexLock& lock) { condition_.wait(lock.lock_); }
  /// Returns false once the time has come.
  bool wait_until(MutexLock& lock, std::chrono::steady_clock::time_point time) {
    return condition_.wait_until(lock.lock_, time) == std::cv_status::no_timeout;
  }
  bool wait_for(MutexLock& lock, std::chrono::milliseconds time) {
    return wait_until(lock, std::chrono::steady_clock::now() + time);
  }

 private:
  std::condition_variable condition_;
};

}  // namespace etl::runtime
