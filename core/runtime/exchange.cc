#include "core/runtime/exchange.hpp"

#include <algorithm>

namespace etl::runtime {
namespace {

/// A stream that holds this much is worth a write slot before its partition has been read: reading
/// and writing of a large partition then overlap.
constexpr std::size_t early_start_bytes = std::size_t{8} << 20;

}  // namespace

Exchange::Exchange(std::vector<std::size_t> slots, std::size_t budget_bytes,
                   Cancellation& cancellation)
    : free_slots_(std::move(slots)),
      budget_(budget_bytes),
      early_bytes_(std::min(early_start_bytes, budget_bytes / 4)),
      cancellation_(cancellation),
      wake_(cancellation, [this] {
        const std::scoped_lock lock(mutex_);
        changed_.notify_all();
      }) {}

// ---- reading side ------------------------------------------------------------------------------

void Exchange::begin(Delivery& delivery) {
  const std::scoped_lock lock(mutex_);
  for (auto& stream : delivery.streams) stream->delivery = &delivery;
  open_.push_back(&delivery);
}

bool Exchange::room_for(const SinkStream& stream, std::size_t bytes) const {
  if (bytes_ + bytes <= budget_) return true;
  // The stream being written must go on whatever the others hold, or nothing would ever be freed.
  return stream.taken && stream.waiting.empty();
}

bool Exchange::push(SinkStream& stream, Batch batch) {
  const std::size_t bytes = batch.bytes();
  std::unique_lock lock(mutex_);
  const auto wait_over = [&] {
    return stream.closed || cancellation_.requested() || room_for(stream, bytes);
  };
  if (!wait_over()) {
    starved_.push_back(stream.delivery);
    grant_slots();
    changed_.wait(lock, wait_over);
    std::erase(starved_, stream.delivery);
  }
  if (cancellation_.requested()) throw Error::cancelled();
  if (stream.closed) return false;
  stream.waiting.push_back({std::move(batch), bytes});
  stream.bytes += bytes;
  bytes_ += bytes;
  peak_ = std::max(peak_, bytes_);
  grant_slots();
  changed_.notify_all();
  return true;
}

void Exchange::end(SinkStream& stream, LedgerRecord record) {
  const std::scoped_lock lock(mutex_);
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
    if (stream->granted) ++free_slots_[stream->sink];
    shut(*stream);
    ++shut_here;
  }
  grant_slots();
  changed_.notify_all();
  return shut_here;
}

// ---- write slots -------------------------------------------------------------------------------

void Exchange::grant(SinkStream& stream) {
  --free_slots_[stream.sink];
  stream.granted = true;
  changed_.notify_all();  // the writer may be asleep, and who grants may go to sleep as well
}

bool Exchange::early(const Delivery& delivery) const {
  if (std::find(starved_.begin(), starved_.end(), &delivery) != starved_.end()) return true;
  std::size_t held = 0;
  for (const auto& stream : delivery.streams) held += stream->bytes;
  return held >= early_bytes_;
}

void Exchange::grant_slots() {
  // Streams that are complete need a slot for a bounded time: they come first.
  for (Delivery* delivery : open_) {
    for (auto& stream : delivery->streams) {
      if (stream->ended && !stream->granted && !stream->closed && free_slots_[stream->sink] != 0) {
        grant(*stream);
      }
    }
  }
  for (Delivery* delivery : open_) {
    const auto wants = [](const auto& stream) {
      return !stream->granted && !stream->ended && !stream->closed;
    };
    const auto free = [&](const auto& stream) {
      return !wants(stream) || free_slots_[stream->sink] != 0;
    };
    if (std::none_of(delivery->streams.begin(), delivery->streams.end(), wants)) continue;
    if (!early(*delivery)) continue;
    if (!std::all_of(delivery->streams.begin(), delivery->streams.end(), free)) continue;
    for (auto& stream : delivery->streams) {
      if (wants(stream)) grant(*stream);
    }
  }
}

// ---- writing side ------------------------------------------------------------------------------

SinkStream* Exchange::take(NodeIndex sink) {
  std::unique_lock lock(mutex_);
  SinkStream* found = nullptr;
  changed_.wait(lock, [&] {
    for (Delivery* delivery : open_) {
      for (auto& stream : delivery->streams) {
        if (stream->sink == sink && stream->granted && !stream->taken && !stream->closed) {
          found = stream.get();
          return true;
        }
      }
    }
    return stopped_;
  });
  if (found != nullptr) found->taken = true;
  changed_.notify_all();
  return found;
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
  stream.bytes -= item.bytes;
  bytes_ -= item.bytes;
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
  ++free_slots_[sink];
  grant_slots();
}

void Exchange::shut(SinkStream& stream) {
  stream.closed = true;
  bytes_ -= std::exchange(stream.bytes, 0);
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
