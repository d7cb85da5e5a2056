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

TEST(RetryPolicyTest, AStageMayAskForMoreUpToThirtyDays) {
  const RetryPolicy policy{5, milliseconds(1)};
  EXPECT_EQ(policy.backoff(Error::transient("busy").retry_after(milliseconds(7000)), 1),
            milliseconds(7000));
  EXPECT_EQ(policy.backoff(Error::transient("busy").retry_after(std::chrono::hours(24 * 99)), 1),
            std::chrono::hours(24 * 30));
}

TEST(RetryPolicyTest, Describes) {
  const RetryPolicy policy{5, milliseconds(1)};
  EXPECT_EQ(policy.describe(busy, 2, milliseconds(4999)), "attempt 2 of 6: busy");
  EXPECT_EQ(policy.describe(busy, 2, std::chrono::minutes(90)),
            "attempt 2 of 6: busy; retrying in 1h 30m");
}

TEST(RetryPolicyTest, AStageMayAskToWaitForTheNextRun) {
  const Error later = Error::transient("busy").retry_after(milliseconds(-1));
  EXPECT_FALSE((RetryPolicy{5, milliseconds(1)}).allows(later, 1));
}

}  // namespace
