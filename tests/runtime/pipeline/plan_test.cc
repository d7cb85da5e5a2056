#include "core/runtime/pipeline/plan.hpp"

#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::Bench;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* two_sources = R"(
[sources.s]
plugin = "probe_source"
partitions = 12
[sources.t]
plugin = "probe_source"
prefix = "q"
partitions = 2
[sinks.db]
plugin = "probe_parallel"
input = ["s", "t"]
store = "@"
)";

std::vector<std::string> ids(const std::vector<PlannedPartition>& planned) {
  std::vector<std::string> list;
  for (const PlannedPartition& one : planned) list.push_back(one.partition.id);
  return list;
}

std::vector<std::string> planned(const Selection& selection) {
  Bench bench(two_sources);
  return ids(plan_partitions(bench.graph(), selection));
}

TEST(PlanTest, EveryPartitionInTheOrderOfTheSources) {
  EXPECT_THAT(planned({}), ElementsAre("p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9",
                                       "p10", "p11", "q0", "q1"));
}

TEST(PlanTest, Only) {
  EXPECT_THAT(planned({{"p1*"}, {}}), ElementsAre("p1", "p10", "p11"));
  EXPECT_THAT(planned({{"q?", "p[34]"}, {}}), ElementsAre("p3", "p4", "q0", "q1"));
}

TEST(PlanTest, AGlobThatMatchesNothingIsAnError) {
  try {
    (void)planned({{"P1", "r*"}, {}});
    FAIL();
  } catch (const etl::Error& error) {
    EXPECT_EQ(error.code(), etl::Code::permanent);
    EXPECT_EQ(error.message(),
              "--only: none of 14 partitions in the plan has an id that matches \"P1\", \"r*\"; "
              "etl plan lists them");
  }
}

TEST(PlanTest, LimitComesAfterOnly) {
  EXPECT_THAT(planned({{}, 2}), ElementsAre("p0", "p1"));
  EXPECT_THAT(planned({{"q*"}, 1}), ElementsAre("q0"));
  EXPECT_THAT(planned({{}, 0}), IsEmpty());
  EXPECT_THAT(planned({{"q*"}, 100}), ElementsAre("q0", "q1"));
}

TEST(PlanTest, AnIdPlannedTwiceIsADefect) {
  Bench bench(R"(
[sources.s]
plugin = "probe_source"
partitions = 2
same_id = true
[sinks.db]
plugin = "probe_mute"
input = "s"
)");
  try {
    (void)plan_partitions(bench.graph(), {});
    FAIL();
  } catch (const StageError& error) {
    EXPECT_EQ(error.code(), etl::Code::internal);
    EXPECT_EQ(error.message(), "source \"s\": plans the partition \"p0\" twice");
  }
}

TEST(PlanTest, SoIsAnEmptyId) {
  Bench bench(R"(
[sources.s]
plugin = "probe_source"
prefix = "\n"
[sinks.db]
plugin = "probe_mute"
input = "s"
)");
  try {
    (void)plan_partitions(bench.graph(), {});
    FAIL();
  } catch (const StageError& error) {
    EXPECT_EQ(error.message(),
              "source \"s\": plans the partition \"\\n0\", whose id is empty or not printable");
  }
}

TEST(PlanTest, AFailingPlanNamesItsSource) {
  Bench bench(R"(
[sources.s]
plugin = "probe_source"
fail = "transient"
fail_at = "plan"
[sinks.db]
plugin = "probe_mute"
input = "s"
)");
  try {
    (void)plan_partitions(bench.graph(), {});
    FAIL();
  } catch (const StageError& error) {
    EXPECT_EQ(error.message(), "source \"s\": ordered to fail at plan");
  }
}

}  // namespace
