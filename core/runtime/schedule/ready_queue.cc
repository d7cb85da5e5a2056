#include "core/runtime/schedule/ready_queue.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace etl::runtime {
namespace {

/// Of each source, so that no source keeps the others from being asked. Sources fetch far fewer at
/// once.
constexpr std::size_t most_asked = 64;

}  // namespace

ReadyQueue::ReadyQueue(Rules rules, Notifier& wakes)
    : rules_(std::move(rules)), wake_(wakes, [this] {
        const MutexLock lock(mutex_);
        change();
      }) {}

void ReadyQueue::push(const Item& item) {
  const MutexLock lock(mutex_);
  queues_[item.source].insert(item);
  ++size_;
  change();
}

void ReadyQueue::close() {
  const MutexLock lock(mutex_);
  closed_ = true;
  change();
}

std::map<std::size_t, ReadyQueue::Clock::time_point> ReadyQueue::waited() const {
  const MutexLock lock(mutex_);
  return waited_;
}

std::optional<ReadyQueue::Taken> ReadyQueue::take() {
  MutexLock lock(mutex_);
  while (!closed_) {
    const std::uint64_t seen = changes_;
    const Clock::time_point now = Clock::now();
    const Items items = due_items(now, false);
    lock.unlock();
    auto found = first_ready(items);
    lock.lock();
    if (found != items.end()) {
      wait_for({items.begin(), found});  // passed over
    } else {
      wait_for(std::span(items).first(std::min(items.size(), sleepers_ + 1)));
      found = first_overdue(items);
    }
    if (found != items.end()) {
      if (const auto taken = remove(*found)) return taken;
    } else if (seen == changes_) {
      ++sleepers_;
      changed_.wait_until(lock, next_event(now));
      --sleepers_;
    }
  }
  return std::nullopt;
}

std::optional<ReadyQueue::Taken> ReadyQueue::take_ahead(std::size_t others) {
  MutexLock lock(mutex_);
  while (!closed_ && size_ > others) {
    const Items items = due_items(Clock::now(), true);
    lock.unlock();
    const auto found = first_ready(items);
    lock.lock();
    if (found == items.end()) return std::nullopt;
    if (const auto taken = remove(*found)) return taken;
  }
  return std::nullopt;
}

ReadyQueue::Items ReadyQueue::due_items(Clock::time_point now, bool ahead) const {
  const std::size_t most = rules_.ready ? most_asked : 1;
  Items items;
  for (const auto& [source, queue] : queues_) {
    const std::size_t full = items.size() + most;
    for (auto item = queue.begin(); item != queue.end() && item->due <= now; ++item) {
      if (items.size() == full) break;
      if (!ahead || !item->alone) items.push_back(*item);
    }
  }
  std::sort(items.begin(), items.end());
  return items;
}

ReadyQueue::Items::const_iterator ReadyQueue::first_ready(const Items& items) const {
  return std::find_if(items.begin(), items.end(), [this](const Item& item) {
    return item.at_hand || !rules_.ready || rules_.ready(item);
  });
}

void ReadyQueue::wait_for(std::span<const Item> items) {
  for (const Item& item : items) {
    if (!queues_[item.source].contains(item)) continue;  // another thread has taken it
    if (!waited_.emplace(item.job, Clock::now()).second) continue;
    if (rules_.waits) rules_.waits(item);
  }
}

ReadyQueue::Items::const_iterator ReadyQueue::first_overdue(const Items& items) const {
  if (rules_.patience.count() == 0) return items.end();
  const Clock::time_point limit = Clock::now() - rules_.patience;
  for (auto item = items.begin(); item != items.end(); ++item) {
    const auto waited = waited_.find(item->job);
    if (waited != waited_.end() && waited->second <= limit) return item;
  }
  return items.end();
}

/// Returns nothing if another thread has taken the item.
std::optional<ReadyQueue::Taken> ReadyQueue::remove(const Item& item) {
  if (queues_[item.source].erase(item) == 0) return std::nullopt;
  waited_.erase(item.job);
  --size_;
  return Taken{item.job, size_ == 0};
}

/// When an item that was not due at `now` becomes due, or a worker has waited for long enough.
ReadyQueue::Clock::time_point ReadyQueue::next_event(Clock::time_point now) const {
  Item last_due;
  last_due.due = now;
  last_due.job = std::numeric_limits<std::size_t>::max();
  Clock::time_point next = Clock::time_point::max();
  for (const auto& [source, queue] : queues_) {
    const auto later = queue.upper_bound(last_due);
    if (later != queue.end()) next = std::min(next, later->due);
  }
  if (rules_.patience.count() == 0) return next;
  for (const auto& [job, since] : waited_) next = std::min(next, since + rules_.patience);
  return next;
}

void ReadyQueue::change() {
  ++changes_;
  changed_.notify_all();
}

}  // namespace etl::runtime
