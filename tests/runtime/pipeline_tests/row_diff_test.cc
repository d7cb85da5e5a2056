#include "core/runtime/pipeline_tests/row_diff.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using etl::Schema;
using etl::Type;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Numbers = std::vector<std::int64_t>;

const Schema schema{{"n", Type::int64}};

TestRows expected_rows(const Numbers& numbers) {
  TestRows rows;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    rows.rows.push_back({Cell(numbers[i])});
    rows.positions.push_back({"f.toml", i + 1, 3, 1});
  }
  return rows;
}

std::vector<Row> got_rows(const Numbers& numbers) {
  std::vector<Row> rows;
  for (const std::int64_t number : numbers) rows.push_back({Cell(number)});
  return rows;
}

RowDiff diff(const Numbers& expected, const Numbers& got) {
  return compare_rows(expected_rows(expected), got_rows(got), schema);
}

/// The length of the longest common subsequence, computed recursively.
std::size_t common(const Numbers& one, const Numbers& other) {
  std::size_t most = 0;
  for (unsigned subset = 0; subset < 1U << one.size(); ++subset) {
    Numbers chosen;
    for (std::size_t i = 0; i < one.size(); ++i) {
      if ((subset >> i & 1U) != 0) chosen.push_back(one[i]);
    }
    auto at = other.begin();
    const bool found = std::ranges::all_of(chosen, [&](std::int64_t number) {
      at = std::find(at, other.end(), number);
      return at != other.end() && at++ != other.end();
    });
    if (found) most = std::max(most, chosen.size());
  }
  return most;
}

TEST(RowDiffTest, LinesUpAsManyEqualRowsAsCanBe) {
  std::mt19937 random(7);
  const auto numbers = [&] {
    Numbers made(random() % 8);
    for (std::int64_t& each : made) each = static_cast<std::int64_t>(random() % 3);
    return made;
  };
  for (int i = 0; i < 500; ++i) {
    const Numbers expected = numbers();
    const Numbers got = numbers();
    const TestRows rows = expected_rows(expected);
    std::size_t next_expected = 0;
    std::size_t next_got = 0;
    std::size_t equal = 0;
    for (const RowStep& step : align(rows.rows, got_rows(got))) {
      ASSERT_TRUE(step.expected || step.got);
      if (step.expected) {
        ASSERT_EQ(*step.expected, next_expected++);
      }
      if (step.got) {
        ASSERT_EQ(*step.got, next_got++);
      }
      if (!step.equal) continue;
      ASSERT_EQ(expected[*step.expected], got[*step.got]);
      ++equal;
    }
    ASSERT_EQ(next_expected, expected.size());
    ASSERT_EQ(next_got, got.size());
    ASSERT_EQ(equal, common(expected, got));
    ASSERT_EQ(diff(expected, got).summary.empty(), expected == got);
  }
}

TEST(RowDiffTest, Summaries) {
  EXPECT_EQ(diff({1, 2, 3}, {1, 2, 3}).summary, "");
  EXPECT_EQ(diff({1, 2, 3}, {1, 7, 3}).summary, "row 2 differs");
  EXPECT_EQ(diff({1, 2, 3}, {1, 3}).summary, "expected row 2 is missing");
  EXPECT_EQ(diff({1, 3}, {1, 2, 3}).summary, "row 2 is unexpected");
  EXPECT_EQ(diff({1, 2, 3}, {3, 1, 2}).summary, "the same rows in a different order");
  EXPECT_EQ(diff({1, 2}, {7, 8, 9}).summary, "rows 1 and 2 differ, row 3 is unexpected");
  EXPECT_EQ(diff({1, 2, 3, 4}, {}).summary, "expected rows 1, 2 and 2 more are missing");
}

TEST(RowDiffTest, LargeListsThatDifferAltogether) {
  Numbers expected(3000);
  Numbers got(3000);
  std::iota(expected.begin(), expected.end(), 0);
  std::iota(got.begin(), got.end(), 10'000);
  const RowDiff found = diff(expected, got);
  EXPECT_EQ(found.summary, "rows 1, 2 and 2998 more differ");
  EXPECT_LT(std::ranges::count(found.table, '\n'), 50);
  EXPECT_EQ(found.differences.size(), 3000U);
}

TEST(RowDiffTest, FarRowsAreNotShown) {
  Numbers expected(100);
  std::iota(expected.begin(), expected.end(), 1000);
  Numbers got = expected;
  got[50] = 7;
  const RowDiff found = diff(expected, got);
  EXPECT_THAT(found.table, HasSubstr("1049"));
  EXPECT_THAT(found.table, HasSubstr("f.toml:51:3"));
  EXPECT_THAT(found.table, Not(HasSubstr("1048")));
}

TEST(RowDiffTest, ColumnsThatARowOmitsAreNotCompared) {
  TestRows expected;
  expected.rows = {{std::nullopt, Cell(std::int64_t{1})}};
  expected.positions = {{"f.toml", 1, 1, 1}};
  const Schema two{{"a", Type::int64}, {"b", Type::int64}};
  const std::vector<Row> got{{Cell(std::int64_t{9}), Cell(std::int64_t{1})}};
  EXPECT_THAT(compare_rows(expected, got, two).summary, IsEmpty());
  EXPECT_THAT(compare_every(expected, got, two).summary, IsEmpty());
  const std::vector<Row> other{{Cell(std::int64_t{9}), Cell(std::int64_t{2})}};
  EXPECT_THAT(compare_rows(expected, other, two).table, Not(HasSubstr("9")));
}

}  // namespace
