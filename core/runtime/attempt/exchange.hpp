/// \file
/// Where the threads that read partitions hand batches to the threads that write them.
///
/// Two promises hold it together. Memory: a batch waits here only while everything that is held, in
/// batches and by stages, is within the budget, but for one batch a writer; and a partition that is
/// being written runs ahead of its writer by no more than keeps that one busy. Patience: a sink
/// that admits one writer is not kept waiting by a slow partition. A stream gets a write slot once
/// its partition has been read to the end, and before that only when waiting longer would be worse:
/// it holds a good deal already, the budget is used up, or it is the last that is read and keeps
/// nobody waiting. A partition that writes to several sinks gets all its slots at once in that
/// case, so that two partitions can never wait for each other; of sinks that can never have their
/// slots together (two tables in one file that takes one writer) all but the first are put off, to
/// be read for again.
#pragma once

#include "core/runtime/attempt/write_slots.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace etl::runtime {

struct Delivery;

/// The batches of one partition for one sink, in order.
struct SinkStream {
  NodeIndex sink = 0;
  Delivery* delivery = nullptr;
  MemoryAccount* memory = nullptr;  ///< charged with what waits here; may be nullptr

  // Guarded by the exchange.
  struct Item {
    Batch batch;
    std::size_t bytes;
  };
  std::deque<Item> waiting;
  std::size_t bytes = 0;            ///< of those that wait
  bool granted = false;             ///< has a write slot
  bool taken = false;               ///< a writer thread serves it
  bool ended = false;               ///< no more batches come
  bool closed = false;              ///< its writer is through with it, well or badly
  bool put_off = false;             ///< closed without a writer: its partition is to be read again
  std::optional<StageError> abort;  ///< why the reading side gave up
  LedgerRecord record;              ///< set when it ended well
};

/// One attempt at one partition: a stream for every sink that lacks it.
struct Delivery {
  virtual ~Delivery() = default;
  std::vector<std::unique_ptr<SinkStream>> streams;
};

/// Thread-safe; one for the run.
class Exchange {
 public:
  /// `held`: what counts towards the budget, the streams' own bytes included; nullptr = just those.
  Exchange(WriteSlots slots, std::size_t budget_bytes, Cancellation& cancellation,
           const MemoryAccount* held = nullptr);

  /// The reading side. begin() announces the streams of a delivery, which must live until all are
  /// closed. `last`: as things are, no other will begin after it.
  void begin(Delivery& delivery, bool last = false);
  /// Waits for room. False: the writer has given up or the stream was put off, more batches are of
  /// no use. Throws Error::cancelled() when the run stops.
  bool push(SinkStream& stream, Batch batch);
  /// The partition has been read; `record` is what the ledger will say.
  void end(SinkStream& stream, LedgerRecord record);
  /// Reading failed: what is not committed is to be rolled back. Streams that no writer serves are
  /// closed here; the result says how many.
  std::size_t abort(Delivery& delivery, const StageError& error);
  /// How many of its streams were put off. Final once the reading side is through.
  [[nodiscard]] std::size_t put_off(const Delivery& delivery) const;

  /// The writing side. Waits for a stream of this sink to serve; nullptr once stop() was called.
  SinkStream* take(NodeIndex sink);
  /// The next batch; nothing at the end. Throws the reading side's error when it gave up.
  std::optional<Batch> pop(SinkStream& stream);
  /// Drops what waits. The writer thread keeps its slot until release(), so that a stream with a
  /// slot always has a thread that is free to serve it.
  void close(SinkStream& stream);
  /// Gives a slot back: the thread is ready for the next stream.
  void release(NodeIndex sink);

  /// No more deliveries will begin: lets the writers go.
  void stop();

  [[nodiscard]] std::size_t peak_bytes() const;

 private:
  [[nodiscard]] bool room_for(const SinkStream& stream, std::size_t bytes) const;
  [[nodiscard]] bool far_ahead(const SinkStream& stream) const;
  [[nodiscard]] bool starved(const Delivery& delivery) const;
  [[nodiscard]] bool unrivalled(const Delivery& delivery) const;
  [[nodiscard]] bool early(const Delivery& delivery) const;
  void grant_slots();
  void grant_early(Delivery& delivery);
  void grant(SinkStream& stream);
  void shut(SinkStream& stream);
  void charge(SinkStream& stream, std::int64_t bytes);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  WriteSlots slots_;
  bool slots_wanted_ = false;  ///< somebody waits for a slot that another process may give back
  std::size_t budget_;
  const MemoryAccount* held_;
  std::size_t early_bytes_;
  std::size_t ahead_bytes_;
  std::size_t bytes_ = 0;
  std::size_t peak_ = 0;
  std::list<Delivery*> open_;  ///< oldest first
  bool last_begun_ = false;    ///< as far as is known
  std::vector<const Delivery*> starved_;
  bool stopped_ = false;
  Cancellation& cancellation_;
  Cancellation::Subscription wake_;
};

}  // namespace etl::runtime
