// Which partition is handed out next, and what a thread that finds none waits for.
#include "core/runtime/schedule/ready_queue.hpp"

#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::wait_until;
using runtime_test::Watchdog;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Clock = ReadyQueue::Clock;

/// A source whose partitions arrive when the test says so.
class ReadyQueueTest : public testing::Test {
 protected:
  void arrive(std::size_t job) {
    {
      const std::lock_guard lock(mutex_);
      here_.insert(job);
    }
    wakes_.notify();
  }
  ReadyQueue::Rules rules(milliseconds patience = {}) {
    return {[this](const ReadyQueue::Item& item) {
              const std::lock_guard lock(mutex_);
              ++asked_[item.job];
              return here_.contains(item.job);
            },
            [this](const ReadyQueue::Item& item) {
              const std::lock_guard lock(mutex_);
              waited_.push_back(item.job);
            },
            patience};
  }
  static ReadyQueue::Item item(std::size_t job, NodeIndex source = 0) { return {job, source, "p"}; }
  static std::size_t job(const std::optional<ReadyQueue::Taken>& taken) {
    return taken ? taken->job : SIZE_MAX;
  }
  /// Whether so many threads sleep in take(): each waits for a partition of its own.
  bool asleep(std::size_t threads) {
    const std::lock_guard lock(mutex_);
    return waited_.size() == threads;
  }

  Notifier wakes_;
  std::mutex mutex_;
  std::set<std::size_t> here_;
  std::map<std::size_t, int> asked_;
  std::vector<std::size_t> waited_;  ///< in the order in which somebody began to wait for them
  Watchdog watchdog_;
};

TEST_F(ReadyQueueTest, KeepsTheOrderOfWhatIsReadyAndAsksOnce) {
  ReadyQueue queue(rules(), wakes_);
  for (const std::size_t job : {2U, 0U, 1U}) {
    here_.insert(job);
    queue.push(item(job));
  }
  EXPECT_EQ(job(queue.take()), 0U);
  EXPECT_EQ(job(queue.take()), 1U);
  const auto last = queue.take();
  EXPECT_EQ(job(last), 2U);
  EXPECT_TRUE(last->last);
  EXPECT_EQ(asked_, (std::map<std::size_t, int>{{0, 1}, {1, 1}, {2, 1}}));
  EXPECT_THAT(waited_, IsEmpty());
}

TEST_F(ReadyQueueTest, PassesOverWhatHasYetToArrive) {
  ReadyQueue queue(rules(), wakes_);
  here_ = {2, 4};
  for (std::size_t i = 0; i < 5; ++i) queue.push(item(i));
  EXPECT_EQ(job(queue.take()), 2U);
  EXPECT_THAT(waited_, ElementsAre(0, 1));
  EXPECT_EQ(job(queue.take()), 4U);
  EXPECT_THAT(waited_, ElementsAre(0, 1, 3)) << "each is reported once";
  arrive(1);
  EXPECT_EQ(job(queue.take()), 1U);
}

TEST_F(ReadyQueueTest, WakesForWhatArrives) {
  ReadyQueue queue(rules(), wakes_);
  for (std::size_t i = 0; i < 3; ++i) queue.push(item(i));
  std::atomic<std::size_t> taken = SIZE_MAX;
  std::thread worker([&] { taken = job(queue.take()); });
  EXPECT_TRUE(wait_until([&] { return asleep(1); }));
  arrive(1);
  worker.join();
  EXPECT_EQ(taken, 1U);
  EXPECT_THAT(waited_, ElementsAre(0)) << "one worker waits for one partition";
}

TEST_F(ReadyQueueTest, WakesForWhatIsPushed) {
  ReadyQueue queue(rules(), wakes_);
  queue.push(item(0));
  here_ = {7};
  std::atomic<std::size_t> taken = SIZE_MAX;
  std::thread worker([&] { taken = job(queue.take()); });
  EXPECT_TRUE(wait_until([&] { return asleep(1); }));
  queue.push(item(7));
  worker.join();
  EXPECT_EQ(taken, 7U);
}

TEST_F(ReadyQueueTest, ClosingEndsEveryTake) {
  ReadyQueue queue(rules(), wakes_);
  queue.push(item(0));
  std::thread worker([&] { EXPECT_FALSE(queue.take()); });
  EXPECT_TRUE(wait_until([&] { return asleep(1); }));
  queue.close();
  worker.join();
  EXPECT_FALSE(queue.take());
  EXPECT_FALSE(queue.take_ahead(0));
}

/// The answer changes, and the wake-up comes, after the queue has asked and before it sleeps.
TEST_F(ReadyQueueTest, AWakeUpWhileItAsksIsNotLost) {
  bool first = true;
  ReadyQueue queue({[&](const ReadyQueue::Item&) {
                      if (!std::exchange(first, false)) return true;
                      wakes_.notify();
                      return false;
                    },
                    {}},
                   wakes_);
  queue.push(item(0));
  EXPECT_EQ(job(queue.take()), 0U);
}

TEST_F(ReadyQueueTest, NoWakeUpIsLostBetweenManyThreads) {
  constexpr std::size_t jobs = 2000;
  ReadyQueue queue(rules(), wakes_);
  for (std::size_t i = 0; i < jobs; ++i) queue.push(item(i, i % 3));
  std::array<std::vector<std::size_t>, 4> taken;
  std::atomic<std::size_t> left = jobs;
  std::vector<std::thread> threads;
  for (auto& mine : taken) {
    threads.emplace_back([&] {
      while (const auto next = queue.take()) {
        mine.push_back(next->job);
        if (--left == 0) queue.close();
      }
    });
  }
  // From two threads, each in an order of its own.
  std::thread evens([&] {
    for (std::size_t i = 0; i < jobs; i += 2) arrive(i);
  });
  for (std::size_t i = jobs; i-- > 0;)
    if (i % 2 == 1) arrive(i);
  evens.join();
  for (std::thread& thread : threads) thread.join();
  std::set<std::size_t> all;
  std::size_t count = 0;
  for (const auto& mine : taken) {
    all.insert(mine.begin(), mine.end());
    count += mine.size();
  }
  EXPECT_EQ(count, jobs);
  EXPECT_EQ(all.size(), jobs);
}

TEST_F(ReadyQueueTest, ASourceThatHasNothingReadyDoesNotHideAnother) {
  ReadyQueue queue(rules(), wakes_);
  for (std::size_t i = 0; i < 1000; ++i) queue.push(item(i, 0));
  here_ = {1000};
  queue.push(item(1000, 1));
  EXPECT_EQ(job(queue.take()), 1000U);
  EXPECT_LE(asked_.size(), 100U) << "of a long queue only the beginning is asked about";
}

TEST_F(ReadyQueueTest, WhatIsAtHandIsNotAskedAbout) {
  ReadyQueue queue(rules(), wakes_);
  ReadyQueue::Item repaired = item(0);
  repaired.at_hand = true;
  queue.push(repaired);
  EXPECT_EQ(job(queue.take()), 0U);
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(ReadyQueueTest, NothingIsTakenBeforeItIsDue) {
  ReadyQueue queue({}, wakes_);
  ReadyQueue::Item later = item(0);
  later.due = Clock::now() + milliseconds(50);
  queue.push(later);
  EXPECT_FALSE(queue.take_ahead(0));
  EXPECT_EQ(job(queue.take()), 0U);
  EXPECT_GE(Clock::now(), later.due);  // a lower bound, which load on the machine cannot break
}

TEST_F(ReadyQueueTest, LookingAheadLeavesOthersTheirShare) {
  ReadyQueue queue(rules(), wakes_);
  here_ = {1, 2};
  for (std::size_t i = 0; i < 3; ++i) queue.push(item(i));
  EXPECT_FALSE(queue.take_ahead(3));
  EXPECT_EQ(job(queue.take_ahead(2)), 1U);
  EXPECT_FALSE(queue.take_ahead(2));
  EXPECT_EQ(job(queue.take_ahead(0)), 2U);
  EXPECT_FALSE(queue.take_ahead(0)) << "looking ahead does not wait";
}

TEST_F(ReadyQueueTest, WhatNeedsAWorkerForItselfIsNotTakenAhead) {
  ReadyQueue queue({}, wakes_);
  ReadyQueue::Item alone = item(0);
  alone.alone = true;
  queue.push(alone);
  queue.push(item(1));
  EXPECT_EQ(job(queue.take_ahead(0)), 1U);
  EXPECT_FALSE(queue.take_ahead(0));
  EXPECT_EQ(job(queue.take()), 0U);
}

TEST_F(ReadyQueueTest, PatienceEndsWithAnIdleWorker) {
  ReadyQueue queue(rules(milliseconds(50)), wakes_);
  for (std::size_t i = 0; i < 2; ++i) queue.push(item(i));
  const auto begun = Clock::now();
  EXPECT_EQ(job(queue.take()), 0U) << "it will fail at its time limit";
  EXPECT_GE(Clock::now() - begun, milliseconds(50));
  here_ = {1};
  EXPECT_EQ(job(queue.take()), 1U);
}

TEST_F(ReadyQueueTest, TwoIdleWorkersWaitForTwoPartitions) {
  ReadyQueue queue(rules(), wakes_);
  for (std::size_t i = 0; i < 3; ++i) queue.push(item(i));
  std::array<std::size_t, 2> taken{};
  std::vector<std::thread> workers;
  for (std::size_t& mine : taken) workers.emplace_back([&] { mine = job(queue.take()); });
  EXPECT_TRUE(wait_until([&] { return asleep(2); }));
  EXPECT_THAT(waited_, ElementsAre(0, 1));
  arrive(2);
  arrive(1);
  for (std::thread& worker : workers) worker.join();
  EXPECT_THAT(taken, UnorderedElementsAre(1, 2));
}

}  // namespace
