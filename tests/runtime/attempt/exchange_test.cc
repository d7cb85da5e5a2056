#include "core/runtime/attempt/exchange.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <deque>
#include <random>
#include <thread>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using etl::Batch;
using etl::LedgerRecord;
using runtime_test::wait_until;
using runtime_test::Watchdog;

constexpr std::size_t kib = 1024;
constexpr NodeIndex sink_a = 0;
constexpr NodeIndex sink_b = 1;

/// A batch of one row that holds about this many bytes.
Batch batch_of(std::size_t bytes, std::int64_t number = 0) {
  static const auto schema = std::make_shared<const etl::Schema>(
      etl::Schema{{"number", etl::Type::int64}, {"text", etl::Type::utf8}});
  etl::BatchBuilder builder(schema);
  builder.row(number, std::string(bytes, 'x'));
  return builder.finish();
}

std::int64_t number_of(const Batch& batch) { return batch.column<std::int64_t>("number")[0]; }

LedgerRecord record_of(std::int64_t rows) {
  LedgerRecord record;
  record.rows_written = rows;
  return record;
}

StageError failure(const std::string& text) {
  return {etl::Error::permanent(text), {"s", Kind::source}};
}

struct TestStreams : StreamGroup {
  explicit TestStreams(const std::vector<NodeIndex>& sinks) {
    for (const NodeIndex sink : sinks) {
      streams.emplace_back(std::make_unique<SinkStream>())->sink = sink;
    }
  }
  SinkStream& operator[](std::size_t at) { return *streams[at]; }
};

class ExchangeTest : public testing::Test {
 protected:
  Watchdog watchdog_;
  Cancellation cancellation_;
};

TEST_F(ExchangeTest, HandsBatchesOverInOrderAndThenTheRecord) {
  Exchange exchange({1}, kib * kib, cancellation_);
  TestStreams group({sink_a});
  exchange.begin(group);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(exchange.push(group[0], batch_of(10, i)));
  exchange.end(group[0], record_of(3));
  SinkStream* stream = exchange.take(sink_a);
  ASSERT_EQ(stream, &group[0]);
  for (int i = 0; i < 3; ++i) {
    const std::optional<Batch> batch = exchange.pop(*stream);
    ASSERT_TRUE(batch.has_value());
    EXPECT_EQ(number_of(*batch), i);
  }
  EXPECT_FALSE(exchange.pop(*stream).has_value());
  EXPECT_EQ(stream->record.rows_written, 3);
  exchange.close(*stream);
  EXPECT_TRUE(stream->closed);
}

TEST_F(ExchangeTest, ABatchLargerThanTheBudgetPasses) {
  Exchange exchange({1}, kib, cancellation_);
  TestStreams group({sink_a});
  exchange.begin(group);
  std::thread writer([&] {
    SinkStream* stream = exchange.take(sink_a);
    int batches = 0;
    while (exchange.pop(*stream)) ++batches;
    EXPECT_EQ(batches, 3);
    exchange.close(*stream);
  });
  // The writer sleeps when the reader asks for a slot, and has to be woken.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(exchange.push(group[0], batch_of(10 * kib)));
  exchange.end(group[0], record_of(3));
  writer.join();
}

TEST_F(ExchangeTest, ASlowPartitionDoesNotHoldTheOnlySlotWhileOthersComplete) {
  Exchange exchange({1}, kib * kib, cancellation_);
  TestStreams slow({sink_a});
  exchange.begin(slow);
  EXPECT_TRUE(exchange.push(slow[0], batch_of(10)));
  std::deque<TestStreams> quick;
  for (int i = 0; i < 5; ++i) {
    TestStreams& group = quick.emplace_back(std::vector{sink_a});
    exchange.begin(group);
    EXPECT_TRUE(exchange.push(group[0], batch_of(10)));
    exchange.end(group[0], record_of(1));
    ASSERT_EQ(exchange.take(sink_a), &group[0]);
    exchange.close(group[0]);
    exchange.release(sink_a);
  }
  EXPECT_FALSE(slow[0].granted);
}

TEST_F(ExchangeTest, APartitionThatHoldsMuchGetsASlotBeforeItsEnd) {
  Exchange exchange({1}, 40 * kib, cancellation_);
  TestStreams large({sink_a});
  exchange.begin(large);
  EXPECT_TRUE(exchange.push(large[0], batch_of(9 * kib)));
  EXPECT_FALSE(large[0].granted);
  EXPECT_TRUE(exchange.push(large[0], batch_of(2 * kib)));
  EXPECT_TRUE(large[0].granted);
}

TEST_F(ExchangeTest, TheLastToBeReadGetsASlotWithItsFirstFullBatch) {
  Exchange exchange({1}, 100 * kib * kib, cancellation_);
  TestStreams other({sink_a});
  TestStreams last({sink_a});
  exchange.begin(other);
  exchange.begin(last, true);
  EXPECT_TRUE(exchange.push(last[0], batch_of(kib * kib)));
  EXPECT_FALSE(last[0].granted) << "the other one is still being read";
  exchange.end(other[0], record_of(0));
  ASSERT_EQ(exchange.take(sink_a), &other[0]) << "complete streams come first";
  EXPECT_FALSE(last[0].granted) << "there is only one slot";
  exchange.close(other[0]);
  exchange.release(sink_a);
  EXPECT_TRUE(last[0].granted);
}

TEST_F(ExchangeTest, TheLastToBeReadNeedNotBeTheLastThatBegan) {
  Exchange exchange({1}, 100 * kib * kib, cancellation_);
  TestStreams slow({sink_a});
  TestStreams quick({sink_a});
  exchange.begin(slow);
  exchange.begin(quick, true);
  EXPECT_TRUE(exchange.push(slow[0], batch_of(kib * kib)));
  EXPECT_FALSE(slow[0].granted);
  exchange.abort(quick, failure("gone"));
  EXPECT_TRUE(exchange.push(slow[0], batch_of(10)));
  EXPECT_TRUE(slow[0].granted);
}

TEST_F(ExchangeTest, AFewRowsOfTheLastWaitForItsEnd) {
  Exchange exchange({1}, 100 * kib * kib, cancellation_);
  TestStreams last({sink_a});
  exchange.begin(last, true);
  EXPECT_TRUE(exchange.push(last[0], batch_of(10 * kib)));
  EXPECT_FALSE(last[0].granted);
  exchange.end(last[0], record_of(1));
  EXPECT_TRUE(last[0].granted);
}

TEST_F(ExchangeTest, AnotherMayBeginAfterTheLast) {
  Exchange exchange({1}, 100 * kib * kib, cancellation_);
  TestStreams last({sink_a});
  TestStreams again({sink_a});
  exchange.begin(last, true);
  exchange.begin(again);
  EXPECT_TRUE(exchange.push(last[0], batch_of(kib * kib)));
  EXPECT_TRUE(exchange.push(again[0], batch_of(kib * kib)));
  EXPECT_FALSE(last[0].granted);
  EXPECT_FALSE(again[0].granted);
  exchange.end(again[0], record_of(1));
  EXPECT_TRUE(again[0].granted);
}

/// Pushes batches of 1 KiB until that waits; how many went.
int pushed_before_waiting(Exchange& exchange, SinkStream& stream) {
  std::atomic<int> pushed = 0;
  std::thread reader([&] {
    while (exchange.push(stream, batch_of(kib))) ++pushed;
  });
  int seen = -1;
  while (seen != pushed) {
    seen = pushed;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  exchange.close(stream);  // releases the reader
  reader.join();
  return seen;
}

TEST_F(ExchangeTest, ReadingRunsAheadOfItsWriterByHalfTheBudgetAtMost) {
  Exchange exchange({1}, 100 * kib, cancellation_);
  TestStreams group({sink_a});
  exchange.begin(group);
  EXPECT_TRUE(exchange.push(group[0], batch_of(30 * kib)));
  ASSERT_EQ(exchange.take(sink_a), &group[0]);
  const int pushed = pushed_before_waiting(exchange, group[0]);
  EXPECT_GT(pushed, 10);
  EXPECT_LE(pushed, 20);
}

TEST_F(ExchangeTest, APartitionWithoutAWriterIsReadUpToTheBudget) {
  Exchange exchange({1, 1}, 100 * kib, cancellation_);
  TestStreams other({sink_b});
  TestStreams both({sink_a, sink_b});
  exchange.begin(other);
  exchange.begin(both);
  EXPECT_TRUE(exchange.push(other[0], batch_of(30 * kib)));
  ASSERT_EQ(exchange.take(sink_b), &other[0]);
  exchange.end(both[0], record_of(0));
  ASSERT_EQ(exchange.take(sink_a), &both[0]);
  EXPECT_GT(pushed_before_waiting(exchange, both[1]), 50);
}

TEST_F(ExchangeTest, AnEarlyStartTakesAllSlotsAtOnceOrNone) {
  Exchange exchange({1, 1}, 40 * kib, cancellation_);
  TestStreams first({sink_a});
  TestStreams both({sink_a, sink_b});
  exchange.begin(first);
  exchange.begin(both);
  EXPECT_TRUE(exchange.push(first[0], batch_of(11 * kib)));
  ASSERT_TRUE(first[0].granted);
  EXPECT_TRUE(exchange.push(both[1], batch_of(11 * kib)));
  EXPECT_FALSE(both[0].granted);
  EXPECT_FALSE(both[1].granted) << "holds one slot while it waits for the other";
  ASSERT_EQ(exchange.take(sink_a), &first[0]);
  exchange.end(first[0], record_of(1));
  exchange.close(first[0]);
  EXPECT_FALSE(both[0].granted) << "the writer is not ready yet";
  exchange.release(sink_a);
  EXPECT_TRUE(both[0].granted);
  EXPECT_TRUE(both[1].granted);
}

TEST_F(ExchangeTest, AClosedStreamWantsNoMore) {
  Exchange exchange({1}, kib * kib, cancellation_);
  TestStreams group({sink_a, sink_a});
  exchange.begin(group);
  exchange.close(group[0]);
  EXPECT_FALSE(exchange.push(group[0], batch_of(10)));
  EXPECT_TRUE(exchange.push(group[1], batch_of(10)));
}

TEST_F(ExchangeTest, ClosingWakesTheReaderThatWaitsForRoom) {
  Exchange exchange({1}, kib, cancellation_);
  TestStreams group({sink_a});
  exchange.begin(group);
  std::thread reader([&] {
    while (exchange.push(group[0], batch_of(kib))) {
    }
  });
  SinkStream* stream = exchange.take(sink_a);
  EXPECT_TRUE(exchange.pop(*stream).has_value());
  exchange.close(*stream);
  reader.join();
}

TEST_F(ExchangeTest, AbortClosesWhatNoWriterServes) {
  Exchange exchange({1, 1}, kib * kib, cancellation_);
  TestStreams group({sink_a, sink_b});
  exchange.begin(group);
  EXPECT_TRUE(exchange.push(group[0], batch_of(10)));
  EXPECT_EQ(exchange.abort(group, failure("torn")), 2U);
  EXPECT_TRUE(group[0].closed);
  EXPECT_TRUE(group[1].closed);
  // Their slots are free again.
  TestStreams next({sink_a, sink_b});
  exchange.begin(next);
  exchange.end(next[0], record_of(0));
  EXPECT_EQ(exchange.take(sink_a), &next[0]);
}

TEST_F(ExchangeTest, AbortReachesTheWriterWithItsReason) {
  Exchange exchange({1}, 4 * kib, cancellation_);
  TestStreams group({sink_a});
  exchange.begin(group);
  EXPECT_TRUE(exchange.push(group[0], batch_of(2 * kib)));
  SinkStream* stream = exchange.take(sink_a);
  ASSERT_EQ(stream, &group[0]);
  EXPECT_TRUE(exchange.pop(*stream).has_value());
  std::thread writer([&] {
    try {
      (void)exchange.pop(*stream);
      ADD_FAILURE() << "popped from an aborted stream";
    } catch (const StageError& error) {
      EXPECT_EQ(error.message(), "source \"s\": torn");
      EXPECT_EQ(error.stage(), "s");
    }
    exchange.close(*stream);
  });
  EXPECT_EQ(exchange.abort(group, failure("torn")), 0U) << "a writer serves it";
  writer.join();
}

TEST_F(ExchangeTest, CancellationWakesReaderAndWriter) {
  Exchange exchange({1}, kib, cancellation_);
  TestStreams open({sink_a});
  exchange.begin(open);
  EXPECT_TRUE(exchange.push(open[0], batch_of(300)));
  ASSERT_EQ(exchange.take(sink_a), &open[0]);
  TestStreams blocked({sink_a});
  exchange.begin(blocked);
  const auto cancelled = [&](auto body) {
    try {
      body();
      ADD_FAILURE() << "not cancelled";
    } catch (const etl::Error& error) {
      EXPECT_EQ(error.code(), etl::Code::cancelled);
    }
  };
  EXPECT_TRUE(exchange.pop(open[0]).has_value());
  std::thread writer([&] { cancelled([&] { (void)exchange.pop(open[0]); }); });
  std::thread reader(
      [&] { cancelled([&] { (void)exchange.push(blocked[0], batch_of(2 * kib)); }); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  cancellation_.request(SIGINT);
  reader.join();
  writer.join();
}

TEST_F(ExchangeTest, StopLetsTheWritersGoAfterWhatIsThere) {
  Exchange exchange({2}, kib * kib, cancellation_);
  TestStreams group({sink_a});
  exchange.begin(group);
  exchange.end(group[0], record_of(0));
  exchange.stop();
  SinkStream* stream = exchange.take(sink_a);
  ASSERT_EQ(stream, &group[0]);
  exchange.close(*stream);
  EXPECT_EQ(exchange.take(sink_a), nullptr);
}

/// Readers and writers as the scheduler has them, with everything that can go wrong on the way.
class Traffic {
 public:
  Traffic(std::vector<std::size_t> slots, std::size_t budget, std::size_t largest)
      : slots_(slots), largest_(largest), exchange_(std::move(slots), budget, cancellation_) {}

  void run(int readers, int deliveries, bool failures) {
    std::vector<std::thread> writers;
    for (NodeIndex sink = 0; sink < slots_.size(); ++sink) {
      for (std::size_t i = 0; i < slots_[sink]; ++i) {
        writers.emplace_back([this, sink, failures] { write(sink, failures); });
      }
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < readers; ++i) {
      threads.emplace_back([this, i, deliveries, failures] { read(i, deliveries, failures); });
    }
    for (std::thread& thread : threads) thread.join();
    exchange_.stop();
    for (std::thread& writer : writers) writer.join();
  }

  [[nodiscard]] std::size_t peak() const { return exchange_.peak_bytes(); }
  [[nodiscard]] std::int64_t sent() const { return sent_; }
  [[nodiscard]] std::int64_t received() const { return received_; }

 private:
  void read(int seed, int count, bool failures) {
    std::mt19937 random(static_cast<unsigned>(seed) + 1);
    for (int i = 0; i < count; ++i) {
      const auto choice = random() % 3;
      const std::vector<NodeIndex> sinks = choice == 0   ? std::vector{sink_a}
                                           : choice == 1 ? std::vector{sink_b}
                                                         : std::vector{sink_a, sink_b};
      TestStreams& group = make(sinks);
      exchange_.begin(group);
      const auto batches = static_cast<std::int64_t>(random() % 6);
      for (std::int64_t at = 0; at < batches; ++at) {
        for (auto& stream : group.streams) {
          const std::size_t bytes = random() % largest_;
          if (exchange_.push(*stream, batch_of(bytes)) && !failures) ++sent_;
        }
      }
      if (failures && random() % 4 == 0) {
        exchange_.abort(group, failure("at random"));
        continue;
      }
      for (auto& stream : group.streams) exchange_.end(*stream, record_of(batches));
    }
  }

  void write(NodeIndex sink, bool failures) {
    std::mt19937 random(static_cast<unsigned>(sink) + 100);
    while (SinkStream* stream = exchange_.take(sink)) {
      try {
        while (exchange_.pop(*stream)) {
          ++received_;
          if (failures && random() % 8 == 0) break;
        }
      } catch (const StageError&) {
        EXPECT_TRUE(failures);
      }
      exchange_.close(*stream);
      exchange_.release(sink);
    }
  }

  TestStreams& make(const std::vector<NodeIndex>& sinks) {
    const std::scoped_lock lock(mutex_);
    return deliveries_.emplace_back(sinks);
  }

  std::vector<std::size_t> slots_;
  std::size_t largest_;
  Cancellation cancellation_;
  Exchange exchange_;
  std::mutex mutex_;
  std::deque<TestStreams> deliveries_;
  std::atomic<std::int64_t> sent_ = 0;
  std::atomic<std::int64_t> received_ = 0;
};

TEST_F(ExchangeTest, TwoExclusiveSinksAndATinyBudgetNeverBlockEachOther) {
  Traffic traffic({1, 1}, 8 * kib, 4 * kib);
  traffic.run(4, 200, false);
  EXPECT_EQ(traffic.received(), traffic.sent());
  EXPECT_GT(traffic.sent(), 0);
}

TEST_F(ExchangeTest, NorDoTheyWhenEverythingFailsNowAndThen) {
  Traffic traffic({1, 1}, 8 * kib, 12 * kib);
  traffic.run(4, 200, true);
}

TEST_F(ExchangeTest, TheBudgetIsExceededByOneBatchAWriterAtMost) {
  constexpr std::size_t largest = 4 * kib;
  constexpr std::size_t overhead = 64;  // offsets and numbers beside the text
  for (const std::size_t budget : {2 * kib, 16 * kib, 256 * kib}) {
    Traffic traffic({2, 1}, budget, largest);
    traffic.run(5, 100, false);
    EXPECT_LE(traffic.peak(), budget + 3 * (largest + overhead));
    EXPECT_GT(traffic.peak(), 0U);
  }
}

}  // namespace
