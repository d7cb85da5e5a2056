#include "core/runtime/pipeline/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace etl::runtime {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Lt;

std::vector<std::int64_t> loads(const std::vector<std::int64_t>& bytes,
                                const std::vector<std::size_t>& task_of, std::size_t tasks) {
  std::vector<std::int64_t> loads(tasks);
  for (std::size_t i = 0; i < bytes.size(); ++i) loads[task_of[i]] += bytes[i];
  return loads;
}

TEST(PlanSharesTest, UnknownSizesAreEqual) {
  const std::vector<std::int64_t> bytes(7, -1);
  EXPECT_THAT(share_out(bytes, 3), ElementsAre(0, 1, 2, 0, 1, 2, 0));
}

TEST(PlanSharesTest, LargePartitionsAreAlone) {
  const std::vector<std::int64_t> bytes = {10, 10, 100, 10, 10};
  const auto task_of = share_out(bytes, 2);
  EXPECT_THAT(loads(bytes, task_of, 2), ElementsAre(100, 40));
}

TEST(PlanSharesTest, NoShareExceedsAnotherByMoreThanAPartition) {
  std::vector<std::int64_t> bytes;
  std::uint64_t state = 1;
  for (int i = 0; i < 1000; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    bytes.push_back(static_cast<std::int64_t>(1 + (state >> 33U) % 50'000'000));
  }
  for (const std::size_t tasks : {1U, 2U, 7U, 64U, 999U}) {
    const auto task_of = share_out(bytes, tasks);
    EXPECT_THAT(task_of, Each(Lt(tasks)));
    const auto load = loads(bytes, task_of, tasks);
    const auto [least, most] = std::ranges::minmax(load);
    EXPECT_LE(most - least, *std::ranges::max_element(bytes)) << tasks;
    EXPECT_EQ(task_of, share_out(bytes, tasks));
  }
}

TEST(PlanSharesTest, AnUnknownSizeIsTheMeanOfTheKnown) {
  // 40 and the unknown one (mean 40) on one side each, not all three small ones beside 40.
  const std::vector<std::int64_t> bytes = {60, -1, 20};
  EXPECT_THAT(share_out(bytes, 2), ElementsAre(0, 1, 1));
}

TEST(PlanSharesTest, EmptyPartitionsAreSpreadToo) {
  const std::vector<std::int64_t> bytes(4, 0);
  EXPECT_THAT(share_out(bytes, 4), ElementsAre(0, 1, 2, 3));
}

TEST(PlanSharesTest, MoreTasksThanPartitionsAndNone) {
  EXPECT_THAT(share_out(std::vector<std::int64_t>{5, 6}, 5), ElementsAre(1, 0));
  EXPECT_THAT(share_out({}, 3), IsEmpty());
}

TEST(PlanSharesTest, AbsurdSizesDoNotOverflow) {
  const std::vector<std::int64_t> bytes(100, std::numeric_limits<std::int64_t>::max());
  EXPECT_THAT(loads(std::vector<std::int64_t>(100, 1), share_out(bytes, 10), 10), Each(10));
}

}  // namespace
}  // namespace etl::runtime
