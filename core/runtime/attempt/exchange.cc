#include "core/runtime/attempt/exchange.hpp"

#include <etl/builder.hpp>

#include <algorithm>
#include <chrono>

namespace etl::runtime {
namespace {

/// A group that holds this much gets its write slots before its partition has been read, so that
/// reading and writing of a large partition overlap.
constexpr std::size_t early_start_bytes = std::size_t{8} << 20;
/// The same for the last group being read, which delays nobody: a first full batch. With less, a
/// few rows of a slow source would keep a transaction open for as long as the source takes.
constexpr std::size_t last_start_bytes = batch_bytes / 2;

/// How far reading runs ahead of a writer. More would not be faster, and memory that was just
/// written from is better than fresh memory: it is mapped, and in the cache.
constexpr std::size_t ahead_of_writer_bytes = std::size_t{16} << 20;

/// Polling intervals: stages free memory, and other processes return slots, without a notification.
constexpr std::chrono::milliseconds room_poll{50};
constexpr std::chrono::milliseconds slot_poll{2};

}  // namespace

Exchange::Exchange(WriteSlots slots, std::size_t budget_bytes, Cancellation& cancellation,
                   const MemoryAccount* held)
    : budget_(budget_bytes),
      held_(held),
      early_bytes_(std::min(early_start_bytes, budget_bytes / 4)),
      ahead_bytes_(std::min(ahead_of_writer_bytes, budget_bytes / 2)),
      granted_(slots.nodes()),
      slots_(std::move(slots)),
      cancellation_(cancellation),
      wake_(cancellation, [this] {
        const MutexLock lock(mutex_);
        changed_.notify_all();
      }) {}

// ---- reading side ------------------------------------------------------------------------------

void Exchange::begin(StreamGroup& group, bool last) {
  const MutexLock lock(mutex_);
  last_begun_ = last;
  for (auto& stream : group.streams) stream->group = &group;
  open_.push_back(&group);
}

bool Exchange::given_up(const SinkStream& stream) const {
  return stream.closed || cancellation_.requested();
}

bool Exchange::room_for(const SinkStream& stream, std::size_t bytes) const {
  // `held_` counts a batch from the moment its stage emits it.
  const std::size_t in_use =
      held_ == nullptr ? bytes_ + bytes
                       : static_cast<std::size_t>(std::max<std::int64_t>(0, held_->now()));
  if (in_use <= budget_) return true;
  // A stream being written must go on whatever the others hold, or nothing would ever be freed.
  return stream.taken && stream.waiting.empty();
}

/// Only while all streams of the group have writers: a stream that still waits for its slot needs
/// its batches, because it may not get the slot before this one returns its own.
bool Exchange::far_ahead(const SinkStream& stream) const {
  return !stream.waiting.empty() && stream.bytes >= ahead_bytes_ &&
         std::ranges::all_of(stream.group->streams,
                             [](const auto& each) { return each->taken || each->closed; });
}

bool Exchange::push(SinkStream& stream, Batch batch) {
  const std::size_t bytes = batch.bytes();
  MutexLock lock(mutex_);
  while (!given_up(stream) && far_ahead(stream)) changed_.wait(lock);
  if (!given_up(stream) && !room_for(stream, bytes)) wait_for_room(stream, bytes, lock);
  if (cancellation_.requested()) throw Error::cancelled();
  if (stream.closed) return false;
  stream.waiting.push_back({std::move(batch), bytes});
  charge(stream, static_cast<std::int64_t>(bytes));
  grant_slots();
  changed_.notify_all();
  return true;
}

void Exchange::wait_for_room(const SinkStream& stream, std::size_t bytes, MutexLock& lock) {
  starved_.push_back(stream.group);
  grant_slots();
  auto next_look = std::chrono::steady_clock::now() + room_poll;
  while (!given_up(stream) && !room_for(stream, bytes)) {
    if (changed_.wait_until(lock, next_look)) continue;
    grant_slots();
    next_look = std::chrono::steady_clock::now() + room_poll;
  }
  std::erase(starved_, stream.group);
}

void Exchange::end(SinkStream& stream, LedgerRecord record) {
  const MutexLock lock(mutex_);
  if (stream.deferred) return;
  stream.record = std::move(record);
  stream.ended = true;
  grant_slots();
  changed_.notify_all();
}

std::size_t Exchange::abort(StreamGroup& group, const StageError& error) {
  const MutexLock lock(mutex_);
  std::size_t closed_here = 0;
  for (auto& stream : group.streams) {
    if (stream->ended || stream->closed) continue;
    stream->abort = error;
    stream->ended = true;
    if (stream->taken) continue;
    if (stream->granted) slots_.give_back(stream->sink);
    close_locked(*stream);
    ++closed_here;
  }
  grant_slots();
  changed_.notify_all();
  return closed_here;
}

std::size_t Exchange::deferred_streams(const StreamGroup& group) const {
  const MutexLock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count(group.streams, true, &SinkStream::deferred));
}

// ---- write slots -------------------------------------------------------------------------------

void Exchange::grant(SinkStream& stream) {
  stream.granted = true;
  granted_[stream.sink].notify_all();
}

/// Remembers a slot to try again for. Slots of this process's own writers come back by release().
void Exchange::want(NodeIndex sink) {
  if (slots_.shared() && !slots_.all_taken_here(sink)) wanted_ = sink;
}

bool Exchange::starved(const StreamGroup& group) const {
  return std::ranges::find(starved_, &group) != starved_.end();
}

/// Whether all other groups have been read, and no more follow.
bool Exchange::is_last_to_read(const StreamGroup& group) const {
  const auto read = [](const auto& stream) { return stream->ended || stream->closed; };
  return last_begun_ && std::ranges::all_of(open_, [&](const StreamGroup* other) {
           return other == &group || std::ranges::all_of(other->streams, read);
         });
}

bool Exchange::deserves_early_slots(const StreamGroup& group) const {
  if (starved(group)) return true;
  std::size_t held = 0;
  for (const auto& stream : group.streams) held += stream->bytes;
  if (held >= early_bytes_) return true;
  return held >= std::min(last_start_bytes, early_bytes_) && is_last_to_read(group);
}

void Exchange::grant_slots() {
  wanted_.reset();
  // Complete streams come first: they need a slot for a bounded time.
  for (StreamGroup* group : open_) {
    for (auto& stream : group->streams) {
      if (!stream->ended || stream->granted || stream->closed) continue;
      if (slots_.take(stream->sink)) grant(*stream);
      else want(stream->sink);
    }
  }
  // Deferring may close the last stream of a group, which removes it from the list.
  for (auto at = open_.begin(); at != open_.end();) {
    StreamGroup& group = **at++;
    if (deserves_early_slots(group)) grant_early(group);
  }
  if (wanted_ && !polling_) granted_[*wanted_].notify_all();
}

/// Grants all slots that a partition still being read needs, or none.
void Exchange::grant_early(StreamGroup& group) {
  std::vector<SinkStream*> live;
  std::vector<NodeIndex> sinks;
  // Streams that have a slot come first: the others must be able to hold theirs beside them.
  for (const bool granted : {true, false}) {
    for (auto& stream : group.streams) {
      if (stream->closed || stream->granted != granted || (!granted && stream->ended)) continue;
      live.push_back(stream.get());
      sinks.push_back(stream->sink);
    }
  }
  const std::vector<bool> together = slots_.together(sinks);
  // While there is room, waiting for the end of a partition is better than reading it twice.
  if (!starved(group) && std::count(together.begin(), together.end(), false) != 0) return;
  std::vector<SinkStream*> wanting;
  for (std::size_t i = 0; i < live.size(); ++i) {
    if (live[i]->granted) continue;
    if (together[i]) {
      wanting.push_back(live[i]);
      continue;
    }
    live[i]->deferred = true;
    close_locked(*live[i]);
    changed_.notify_all();
  }
  std::size_t taken = 0;
  while (taken < wanting.size() && slots_.take(wanting[taken]->sink)) ++taken;
  if (taken == wanting.size()) {
    for (SinkStream* stream : wanting) grant(*stream);
    return;
  }
  const NodeIndex refused = wanting[taken]->sink;
  while (taken > 0) slots_.give_back(wanting[--taken]->sink);
  want(refused);
}

// ---- writing side ------------------------------------------------------------------------------

SinkStream* Exchange::take(NodeIndex sink) {
  MutexLock lock(mutex_);
  while (true) {
    for (StreamGroup* group : open_) {
      for (auto& stream : group->streams) {
        if (stream->sink != sink || !stream->granted || stream->taken || stream->closed) continue;
        stream->taken = true;
        changed_.notify_all();
        if (wanted_ && !polling_) granted_[*wanted_].notify_all();
        return stream.get();
      }
    }
    if (stopped_) return nullptr;
    wait_for_grant(sink, lock);
  }
}

/// One writer polls for all: with hundreds of sinks, nothing else would get the processor.
void Exchange::wait_for_grant(NodeIndex sink, MutexLock& lock) {
  if (!wanted_ || polling_) return granted_[sink].wait(lock);
  polling_ = true;
  granted_[sink].wait_for(lock, slot_poll);
  grant_slots();
  polling_ = false;
}

std::optional<Batch> Exchange::pop(SinkStream& stream) {
  MutexLock lock(mutex_);
  while (stream.waiting.empty() && !stream.ended && !stream.abort && !cancellation_.requested())
    changed_.wait(lock);
  if (stream.abort) throw StageError(*stream.abort);
  if (cancellation_.requested()) throw Error::cancelled();
  if (stream.waiting.empty()) return std::nullopt;
  SinkStream::Item item = std::move(stream.waiting.front());
  stream.waiting.pop_front();
  charge(stream, -static_cast<std::int64_t>(item.bytes));
  changed_.notify_all();
  return std::move(item.batch);
}

void Exchange::close(SinkStream& stream) {
  const MutexLock lock(mutex_);
  close_locked(stream);
  changed_.notify_all();
}

void Exchange::release(NodeIndex sink) {
  const MutexLock lock(mutex_);
  slots_.give_back(sink);
  grant_slots();
}

void Exchange::charge(SinkStream& stream, std::int64_t bytes) {
  stream.bytes += static_cast<std::size_t>(bytes);
  bytes_ += static_cast<std::size_t>(bytes);
  peak_ = std::max(peak_, bytes_);
  if (stream.memory != nullptr) stream.memory->add(bytes);
}

void Exchange::close_locked(SinkStream& stream) {
  stream.closed = true;
  charge(stream, -static_cast<std::int64_t>(stream.bytes));
  stream.waiting.clear();
  if (std::ranges::all_of(stream.group->streams, &SinkStream::closed)) open_.remove(stream.group);
}

void Exchange::stop() {
  const MutexLock lock(mutex_);
  stopped_ = true;
  for (Condition& each : granted_) each.notify_all();
}

std::size_t Exchange::peak_bytes() const {
  const MutexLock lock(mutex_);
  return peak_;
}

}  // namespace etl::runtime
