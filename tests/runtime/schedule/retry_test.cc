#include "core/runtime/schedule/retry.hpp"

#include <gtest/gtest.h>

namespace {

using etl::Code;
using etl::Error;
using etl::runtime::RetryPolicy;
using std::chrono::milliseconds;

const Error busy = Error::transient("busy");

TEST(RetryPolicyTest, OnlyTransientFailuresAreRetriedAndNotForEver) {
  const RetryPolicy policy{2, milliseconds(100)};
  EXPECT_TRUE(policy.allows(busy, 1));
  EXPECT_TRUE(policy.allows(busy, 2));
  EXPECT_FALSE(policy.allows(busy, 3));
  for (const Code code : {Code::permanent, Code::internal, Code::config, Code::missing})
    EXPECT_FALSE(policy.allows(Error(code, "no"), 1));
}

TEST(RetryPolicyTest, TheBackoffDoublesUpToAMinuteGiveOrTakeAQuarter) {
  const RetryPolicy policy{100, milliseconds(1000)};
  const auto expect_about = [&](std::int64_t attempt, milliseconds about) {
    for (int i = 0; i < 100; ++i) {
      EXPECT_GE(policy.backoff(busy, attempt), about * 3 / 4);
      EXPECT_LE(policy.backoff(busy, attempt), about * 5 / 4);
    }
  };
  expect_about(1, milliseconds(1000));
  expect_about(3, milliseconds(4000));
  expect_about(7, milliseconds(60'000));
  expect_about(100, milliseconds(60'000));
}

TEST(RetryPolicyTest, AStageMayAskForMoreUpToAnHour) {
  const RetryPolicy policy{5, milliseconds(1)};
  EXPECT_EQ(policy.backoff(Error::transient("busy").retry_after(milliseconds(7000)), 1),
            milliseconds(7000));
  EXPECT_EQ(policy.backoff(Error::transient("busy").retry_after(milliseconds(7'200'000)), 1),
            milliseconds(3'600'000));
}

TEST(RetryPolicyTest, Describes) {
  EXPECT_EQ((RetryPolicy{5, milliseconds(1)}).describe(busy, 2), "attempt 2 of 6: busy");
}

}  // namespace
