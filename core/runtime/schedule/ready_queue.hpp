/// \file
/// The queue of partitions to attempt: what can be read now goes before what has yet to arrive.
#pragma once

#include "core/runtime/base/mutex.hpp"
#include "core/runtime/base/notifier.hpp"
#include "core/runtime/pipeline/graph.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// Every member may be called from any thread.
class ReadyQueue {
 public:
  using Clock = std::chrono::steady_clock;

  struct Item {
    std::size_t job = 0;  ///< unique in the queue
    NodeIndex source = 0;
    std::string_view id;      ///< of the partition; outlives the item
    bool at_hand = false;     ///< needs nothing that the source would fetch
    bool alone = false;       ///< only for take(): its worker has nothing else to do
    Clock::time_point due{};  ///< not taken earlier; items are in this order, then by job

    bool operator<(const Item& other) const {
      return due != other.due ? due < other.due : job < other.job;
    }
  };
  struct Taken {
    std::size_t job = 0;
    bool last = false;  ///< the queue is empty now
  };
  struct Rules {
    /// Whether the source has the data; empty: always. Called without a lock, by the threads that
    /// take.
    std::function<bool(const Item&)> ready;
    /// From now on a worker waits for this item, until it is taken. Called once for each item,
    /// under the queue's lock.
    std::function<void(const Item&)> waits;
    /// A worker that has waited for so long takes the item all the same; 0 = never.
    std::chrono::milliseconds patience{0};
  };

  /// `wakes` is notified when an answer of `ready` may have changed.
  ReadyQueue(Rules rules, Notifier& wakes);

  void push(const Item& item);
  /// Waits for an item that is due and ready. Returns nothing once the queue is closed.
  std::optional<Taken> take();
  /// Returns an item without waiting, and only while at least `others` more are queued.
  std::optional<Taken> take_ahead(std::size_t others);
  /// Ends every take().
  void close();
  /// The jobs that workers wait for, and since when.
  [[nodiscard]] std::map<std::size_t, Clock::time_point> waited() const;

 private:
  using Items = std::vector<Item>;

  [[nodiscard]] Items due_items(Clock::time_point now, bool ahead) const ETL_REQUIRES(mutex_);
  [[nodiscard]] Items::const_iterator first_ready(const Items& items) const ETL_EXCLUDES(mutex_);
  void wait_for(std::span<const Item> items) ETL_REQUIRES(mutex_);
  [[nodiscard]] Items::const_iterator first_overdue(const Items& items) const ETL_REQUIRES(mutex_);
  std::optional<Taken> remove(const Item& item) ETL_REQUIRES(mutex_);
  [[nodiscard]] Clock::time_point next_event(Clock::time_point now) const ETL_REQUIRES(mutex_);
  void change() ETL_REQUIRES(mutex_);

  const Rules rules_;
  mutable Mutex mutex_;
  Condition changed_;
  std::map<NodeIndex, std::set<Item>> queues_ ETL_GUARDED_BY(mutex_);       ///< by source
  std::map<std::size_t, Clock::time_point> waited_ ETL_GUARDED_BY(mutex_);  ///< since when, by job
  std::size_t size_ ETL_GUARDED_BY(mutex_) = 0;
  std::size_t sleepers_ ETL_GUARDED_BY(mutex_) = 0;   ///< in take()
  std::uint64_t changes_ ETL_GUARDED_BY(mutex_) = 0;  ///< after which asking again makes sense
  bool closed_ ETL_GUARDED_BY(mutex_) = false;
  Notifier::Subscription wake_;  // last: it uses the rest
};

}  // namespace etl::runtime
