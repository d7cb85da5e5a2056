/// \file
/// Where the threads that read partitions hand batches to the threads that write them.
///
/// It makes two guarantees. Memory: a batch waits here only while everything that is held, in
/// batches and by stages, is within the budget, except for one batch per writer; and a partition
/// that is being written is read ahead of its writer only as far as keeps the writer busy.
/// Fairness: a sink that admits one writer does not wait for a slow partition. A stream gets a
/// write slot once its partition has been read to the end, and earlier only where waiting would be
/// worse: it holds a good deal already, the budget is used up, or it is the last one being read and
/// delays nobody. In that case a partition that writes to several sinks gets all its slots at once,
/// so that two partitions never wait for each other. Of sinks that can never hold their slots
/// together (two tables in a file that takes one writer) all but the first are deferred: the
/// partition is read again for them.
#pragma once

#include "core/runtime/attempt/write_slots.hpp"
#include "core/runtime/base/mutex.hpp"

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <vector>

namespace etl::runtime {

struct StreamGroup;

/// The batches of one partition for one sink, in order.
struct SinkStream {
  NodeIndex sink = 0;
  StreamGroup* group = nullptr;
  MemoryAccount* memory = nullptr;  ///< charged for waiting batches; may be nullptr

  // Guarded by the mutex of the exchange.
  struct Item {
    Batch batch;
    std::size_t bytes;
  };
  std::deque<Item> waiting;
  std::size_t bytes = 0;            ///< of the waiting batches
  bool granted = false;             ///< has a write slot
  bool taken = false;               ///< a writer thread serves it
  bool ended = false;               ///< no more batches come
  bool closed = false;              ///< its writer has finished or failed
  bool deferred = false;            ///< closed without a writer: to be read again
  std::optional<StageError> abort;  ///< why the reading side gave up
  LedgerRecord record;              ///< set when it ended well
};

/// The streams of one attempt: one for every sink that lacks the partition.
struct StreamGroup {
  virtual ~StreamGroup() = default;
  std::vector<std::unique_ptr<SinkStream>> streams;
};

/// Thread-safe; one per process.
class Exchange {
 public:
  /// `held` counts towards the budget and includes what waits here; nullptr = only what waits here.
  Exchange(WriteSlots slots, std::size_t budget_bytes, Cancellation& cancellation,
           const MemoryAccount* held = nullptr);

  // Reading side.

  /// Announces the streams of a group, which must live until all are closed. `last`: as far as is
  /// known, no other group follows.
  void begin(StreamGroup& group, bool last = false);
  /// Waits for room. Returns false when the writer has given up or the stream was deferred, so that
  /// more batches are of no use. Throws Error::cancelled() when the run stops.
  bool push(SinkStream& stream, Batch batch);
  /// The partition has been read to its end; the sink commits `record` with its rows.
  void end(SinkStream& stream, LedgerRecord record);
  /// Reading failed: what is not committed will roll back. Closes the streams that no writer serves
  /// and returns their number.
  std::size_t abort(StreamGroup& group, const StageError& error);
  /// Number of deferred streams. Final once the reading side has finished.
  [[nodiscard]] std::size_t deferred_streams(const StreamGroup& group) const;

  // Writing side.

  /// Waits for a stream of this sink to write; returns nullptr after stop().
  SinkStream* take(NodeIndex sink);
  /// Waits for the next batch; nothing at the end. Throws the reading side's error if it gave up.
  std::optional<Batch> pop(SinkStream& stream);
  /// Drops what waits. The writer keeps its slot until release(), so that a stream with a slot
  /// always has a thread that is free to serve it.
  void close(SinkStream& stream);
  /// Returns a slot: the writer is ready for the next stream.
  void release(NodeIndex sink);

  /// No more groups will begin: ends take() in all writers.
  void stop();

  [[nodiscard]] std::size_t peak_bytes() const;

 private:
  [[nodiscard]] bool given_up(const SinkStream& stream) const ETL_REQUIRES(mutex_);
  [[nodiscard]] bool room_for(const SinkStream& stream, std::size_t bytes) const
      ETL_REQUIRES(mutex_);
  [[nodiscard]] bool far_ahead(const SinkStream& stream) const ETL_REQUIRES(mutex_);
  void wait_for_room(const SinkStream& stream, std::size_t bytes, MutexLock& lock)
      ETL_REQUIRES(mutex_);
  [[nodiscard]] bool starved(const StreamGroup& group) const ETL_REQUIRES(mutex_);
  [[nodiscard]] bool is_last_to_read(const StreamGroup& group) const ETL_REQUIRES(mutex_);
  [[nodiscard]] bool deserves_early_slots(const StreamGroup& group) const ETL_REQUIRES(mutex_);
  void grant_slots() ETL_REQUIRES(mutex_);
  void grant_early(StreamGroup& group) ETL_REQUIRES(mutex_);
  void grant(SinkStream& stream) ETL_REQUIRES(mutex_);
  void want(NodeIndex sink) ETL_REQUIRES(mutex_);
  void wait_for_grant(NodeIndex sink, MutexLock& lock) ETL_REQUIRES(mutex_);
  void close_locked(SinkStream& stream) ETL_REQUIRES(mutex_);
  void charge(SinkStream& stream, std::int64_t bytes) ETL_REQUIRES(mutex_);

  const std::size_t budget_;
  const MemoryAccount* const held_;
  const std::size_t early_bytes_;
  const std::size_t ahead_bytes_;

  mutable Mutex mutex_;
  Condition changed_;               ///< for readers, and writers that wait for batches
  std::vector<Condition> granted_;  ///< by sink: for writers that wait for a stream
  WriteSlots slots_ ETL_GUARDED_BY(mutex_);
  /// The sink of a stream that waits for a slot which another process may return.
  std::optional<NodeIndex> wanted_ ETL_GUARDED_BY(mutex_);
  bool polling_ ETL_GUARDED_BY(mutex_) = false;  ///< one writer tries again for all
  std::size_t bytes_ ETL_GUARDED_BY(mutex_) = 0;
  std::size_t peak_ ETL_GUARDED_BY(mutex_) = 0;
  std::list<StreamGroup*> open_ ETL_GUARDED_BY(mutex_);  ///< oldest first
  bool last_begun_ ETL_GUARDED_BY(mutex_) = false;
  std::vector<const StreamGroup*> starved_ ETL_GUARDED_BY(mutex_);  ///< wait for room
  bool stopped_ ETL_GUARDED_BY(mutex_) = false;
  Cancellation& cancellation_;
  Cancellation::Subscription wake_;  // last: it uses the rest
};

}  // namespace etl::runtime
