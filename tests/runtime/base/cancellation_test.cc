#include "core/runtime/base/cancellation.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

namespace {

using etl::runtime::Cancellation;

TEST(CancellationTest, TheFirstReasonStays) {
  Cancellation cancellation;
  EXPECT_FALSE(cancellation.requested());
  cancellation.request(SIGTERM);
  cancellation.request(SIGINT);
  EXPECT_TRUE(cancellation.requested());
  EXPECT_EQ(cancellation.reason(), SIGTERM);
}

TEST(CancellationTest, WhoSeesTheRequestSeesItsReason) {
  for (int i = 0; i < 200; ++i) {
    Cancellation cancellation;
    std::thread asking([&] { cancellation.request(SIGINT); });
    while (!cancellation.requested()) std::this_thread::yield();
    EXPECT_EQ(cancellation.reason(), SIGINT);
    asking.join();
  }
}

TEST(CancellationTest, WakesItsSubscribersOnce) {
  Cancellation cancellation;
  int woken = 0;
  const Cancellation::Subscription one(cancellation, [&] { ++woken; });
  {
    const Cancellation::Subscription gone(cancellation, [&] { woken += 100; });
  }
  cancellation.request(SIGINT);
  cancellation.request(SIGINT);
  EXPECT_EQ(woken, 1);
}

TEST(CancellationTest, SubscribersComeAndGoWhileItIsRequested) {
  Cancellation cancellation;
  std::atomic<int> woken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 200; ++j) {
        const Cancellation::Subscription subscription(cancellation, [&] { ++woken; });
      }
    });
  }
  cancellation.request(SIGINT);
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(woken, 4);
}

}  // namespace
