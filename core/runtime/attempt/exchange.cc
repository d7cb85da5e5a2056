#include "core/runtime/attempt/exchange.hpp"

#include <etl/builder.hpp>

#include <algorithm>
#include <chrono>

namespace etl::runtime {
namespace {

/// A stream that holds this much is worth a write slot before its partition has been read: reading
/// and writing of a large partition then overlap.
constexpr std::size_t early_start_bytes = std::size_t{8} << 20;
/// The same for one that keeps nobody waiting: a first full batch. Not less, or a few rows of a
/// slow source would have a transaction open for as long as it takes.
constexpr std::size_t unrivalled_start_bytes = batch_bytes / 2;

/// How far reading runs ahead of a writer. More would not make it faster, and memory that has just
/// been written from is better than fresh memory: it is mapped, and in the cache.
constexpr std::size_t ahead_of_writer_bytes = std::size_t{16} << 20;

/// Stages give memory back without telling anybody, and other processes their slots.
constexpr std::chrono::milliseconds look_for_room{50};
constexpr std::chrono::milliseconds look_for_slots{2};

}  // namespace

Exchange::Exchange(WriteSlots slots, std::size_t budget_bytes, Cancellation& cancellation,
                   const MemoryAccount* held)
    : slots_(std::move(slots)),
      budget_(budget_bytes),
      held_(held),
      early_bytes_(std::min(early_start_bytes, budget_bytes / 4)),
      ahead_bytes_(std::min(ahead_of_writer_bytes, budget_bytes / 2)),
      cancellation_(cancellation),
      wake_(cancellation, [this] {
        const std::scoped_lock lock(mutex_);
        changed_.notify_all();
      }) {}

// ---- reading side ------------------------------------------------------------------------------

void Exchange::begin(Delivery& delivery, bool last) {
  const std::scoped_lock lock(mutex_);
  last_begun_ = last;
  for (auto& stream : delivery.streams) stream->delivery = &delivery;
  open_.push_back(&delivery);
}

bool Exchange::room_for(const SinkStream& stream, std::size_t bytes) const {
  // A batch that a stage has just given is among what is held.
  const std::size_t in_use =
      held_ == nullptr ? bytes_ + bytes
                       : static_cast<std::size_t>(std::max<std::int64_t>(0, held_->now()));
  if (in_use <= budget_) return true;
  // The stream being written must go on whatever the others hold, or nothing would ever be freed.
  return stream.taken && stream.waiting.empty();
}

/// Only where all of its partition's streams are served: one that waits for its slot must get its
/// batches, for it may never have the slot while this one has its own.
bool Exchange::far_ahead(const SinkStream& stream) const {
  const auto& streams = stream.delivery->streams;
  return !stream.waiting.empty() && stream.bytes >= ahead_bytes_ &&
         std::all_of(streams.begin(), streams.end(),
                     [](const auto& each) { return each->taken || each->closed; });
}

bool Exchange::push(SinkStream& stream, Batch batch) {
  const std::size_t bytes = batch.bytes();
  std::unique_lock lock(mutex_);
  const auto given_up = [&] { return stream.closed || cancellation_.requested(); };
  changed_.wait(lock, [&] { return given_up() || !far_ahead(stream); });
  const auto wait_over = [&] { return given_up() || room_for(stream, bytes); };
  if (!wait_over()) {
    starved_.push_back(stream.delivery);
    grant_slots();
    while (!changed_.wait_for(lock, look_for_room, wait_over)) grant_slots();
    std::erase(starved_, stream.delivery);
  }
  if (cancellation_.requested()) throw Error::cancelled();
  if (stream.closed) return false;
  stream.waiting.push_back({std::move(batch), bytes});
  charge(stream, static_cast<std::int64_t>(bytes));
  grant_slots();
  changed_.notify_all();
  return true;
}

void Exchange::end(SinkStream& stream, LedgerRecord record) {
  const std::scoped_lock lock(mutex_);
  if (stream.put_off) return;
  stream.record = std::move(record);
  stream.ended = true;
  grant_slots();
  changed_.notify_all();
}

std::size_t Exchange::abort(Delivery& delivery, const StageError& error) {
  const std::scoped_lock lock(mutex_);
  std::size_t shut_here = 0;
  for (auto& stream : delivery.streams) {
    if (stream->ended || stream->closed) continue;
    stream->abort = error;
    stream->ended = true;
    if (stream->taken) continue;
    if (stream->granted) slots_.give_back(stream->sink);
    shut(*stream);
    ++shut_here;
  }
  grant_slots();
  changed_.notify_all();
  return shut_here;
}

std::size_t Exchange::put_off(const Delivery& delivery) const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(delivery.streams.begin(), delivery.streams.end(),
                    [](const auto& stream) { return stream->put_off; }));
}

// ---- write slots -------------------------------------------------------------------------------

void Exchange::grant(SinkStream& stream) {
  stream.granted = true;
  changed_.notify_all();  // the writer may be asleep, and who grants may go to sleep as well
}

bool Exchange::starved(const Delivery& delivery) const {
  return std::find(starved_.begin(), starved_.end(), &delivery) != starved_.end();
}

/// Whether all others have been read, and no more are to come.
bool Exchange::unrivalled(const Delivery& delivery) const {
  const auto read = [](const auto& stream) { return stream->ended || stream->closed; };
  return last_begun_ && std::all_of(open_.begin(), open_.end(), [&](const Delivery* other) {
           return other == &delivery ||
                  std::all_of(other->streams.begin(), other->streams.end(), read);
         });
}

bool Exchange::early(const Delivery& delivery) const {
  if (starved(delivery)) return true;
  std::size_t held = 0;
  for (const auto& stream : delivery.streams) held += stream->bytes;
  if (held >= early_bytes_) return true;
  return held >= std::min(unrivalled_start_bytes, early_bytes_) && unrivalled(delivery);
}

void Exchange::grant_slots() {
  slots_wanted_ = false;
  // Streams that are complete need a slot for a bounded time: they come first.
  for (Delivery* delivery : open_) {
    for (auto& stream : delivery->streams) {
      if (!stream->ended || stream->granted || stream->closed) continue;
      if (slots_.take(stream->sink)) grant(*stream);
      else slots_wanted_ = true;
    }
  }
  // Putting off may close a delivery's last stream, which takes it out of the list.
  for (auto at = open_.begin(); at != open_.end();) {
    Delivery& delivery = **at++;
    if (early(delivery)) grant_early(delivery);
  }
}

/// All slots that a partition still being read needs, or none.
void Exchange::grant_early(Delivery& delivery) {
  std::vector<SinkStream*> live;
  std::vector<NodeIndex> sinks;
  // Those that have their slot stand in front: the others must go together with them.
  for (const bool granted : {true, false}) {
    for (auto& stream : delivery.streams) {
      if (stream->closed || stream->granted != granted || (!granted && stream->ended)) continue;
      live.push_back(stream.get());
      sinks.push_back(stream->sink);
    }
  }
  const std::vector<bool> together = slots_.together(sinks);
  // To read a partition twice is worse than to wait for its end, as long as there is room.
  if (!starved(delivery) && std::count(together.begin(), together.end(), false) != 0) return;
  std::vector<SinkStream*> wanting;
  for (std::size_t i = 0; i < live.size(); ++i) {
    if (live[i]->granted) continue;
    if (together[i]) {
      wanting.push_back(live[i]);
      continue;
    }
    live[i]->put_off = true;
    shut(*live[i]);
    changed_.notify_all();
  }
  std::size_t taken = 0;
  while (taken < wanting.size() && slots_.take(wanting[taken]->sink)) ++taken;
  if (taken == wanting.size()) {
    for (SinkStream* stream : wanting) grant(*stream);
    return;
  }
  while (taken > 0) slots_.give_back(wanting[--taken]->sink);
  slots_wanted_ = true;
}

// ---- writing side ------------------------------------------------------------------------------

SinkStream* Exchange::take(NodeIndex sink) {
  std::unique_lock lock(mutex_);
  while (true) {
    for (Delivery* delivery : open_) {
      for (auto& stream : delivery->streams) {
        if (stream->sink != sink || !stream->granted || stream->taken || stream->closed) continue;
        stream->taken = true;
        changed_.notify_all();
        return stream.get();
      }
    }
    if (stopped_) return nullptr;
    if (slots_wanted_ && slots_.shared()) {
      changed_.wait_for(lock, look_for_slots);
      grant_slots();
    } else {
      changed_.wait(lock);
    }
  }
}

std::optional<Batch> Exchange::pop(SinkStream& stream) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    return !stream.waiting.empty() || stream.ended || stream.abort || cancellation_.requested();
  });
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
  const std::scoped_lock lock(mutex_);
  shut(stream);
  changed_.notify_all();
}

void Exchange::release(NodeIndex sink) {
  const std::scoped_lock lock(mutex_);
  slots_.give_back(sink);
  grant_slots();
}

void Exchange::charge(SinkStream& stream, std::int64_t bytes) {
  stream.bytes += static_cast<std::size_t>(bytes);
  bytes_ += static_cast<std::size_t>(bytes);
  peak_ = std::max(peak_, bytes_);
  if (stream.memory != nullptr) stream.memory->add(bytes);
}

void Exchange::shut(SinkStream& stream) {
  stream.closed = true;
  charge(stream, -static_cast<std::int64_t>(stream.bytes));
  stream.waiting.clear();
  const auto& streams = stream.delivery->streams;
  if (std::all_of(streams.begin(), streams.end(), [](const auto& one) { return one->closed; })) {
    open_.remove(stream.delivery);
  }
}

void Exchange::stop() {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

std::size_t Exchange::peak_bytes() const {
  const std::scoped_lock lock(mutex_);
  return peak_;
}

}  // namespace etl::runtime
