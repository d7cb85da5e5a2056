#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/pipeline/preflight.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::Bench;
using runtime_test::store;
using testing::ElementsAre;
using testing::HasSubstr;
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

TEST(PlannerTest, EveryPartitionInTheOrderOfTheSources) {
  EXPECT_THAT(planned({}), ElementsAre("p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9",
                                       "p10", "p11", "q0", "q1"));
}

TEST(PlannerTest, Only) {
  EXPECT_THAT(planned({{"p1*"}, {}}), ElementsAre("p1", "p10", "p11"));
  EXPECT_THAT(planned({{"q?", "p[34]"}, {}}), ElementsAre("p3", "p4", "q0", "q1"));
  EXPECT_THAT(planned({{"P1"}, {}}), IsEmpty());
}

TEST(PlannerTest, LimitComesAfterOnly) {
  EXPECT_THAT(planned({{}, 2}), ElementsAre("p0", "p1"));
  EXPECT_THAT(planned({{"q*"}, 1}), ElementsAre("q0"));
  EXPECT_THAT(planned({{}, 0}), IsEmpty());
  EXPECT_THAT(planned({{"q*"}, 100}), ElementsAre("q0", "q1"));
}

TEST(PlannerTest, AnIdPlannedTwiceIsADefect) {
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

TEST(PlannerTest, SoIsAnEmptyId) {
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

TEST(PlannerTest, AFailingPlanNamesItsSource) {
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

// ---- ledger and definition ---------------------------------------------------------------------

std::string pipeline_with(const std::string& rows, const std::string& extra = "") {
  return "[sources.s]\nplugin = \"probe_source\"\npartitions = 3\nrows = " + rows +
         "\n[filters.red]\nplugin = \"probe_keep\"\ninput = \"s\"\ncolour = \"red\"\n" + extra +
         "[sinks.db]\nplugin = \"probe_parallel\"\ninput = \"" + (extra.empty() ? "red" : "more") +
         "\"\nstore = \"@\"\n";
}

constexpr const char* more = "[filters.more]\nplugin = \"probe_expand\"\ninput = \"red\"\n";

TEST(PlannerTest, LookAheadReadsTheLedger) {
  Bench bench(pipeline_with("10"));
  bench.run();
  const Preflight found = bench.look_ahead();
  const etl::LedgerRecord* record = found.ledger.find(bench.node("db"), "s", "p1");
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->state, etl::State::done);
  EXPECT_EQ(record->rows_read, 10);
  EXPECT_EQ(record->rows_written, 4);
  EXPECT_EQ(found.ledger.find(bench.node("db"), "s", "p9"), nullptr);
  EXPECT_EQ(found.ledger.find(bench.node("db"), "other", "p1"), nullptr);
  EXPECT_EQ(found.ledger.records(bench.node("db")).size(), 3U);
  ASSERT_EQ(found.targets.size(), 1U);
  EXPECT_THAT(found.targets[0].name, HasSubstr("store Planner"));
}

TEST(PlannerTest, AChangedStageIsNamed) {
  Bench(pipeline_with("10")).run();
  Bench changed(pipeline_with("11"));
  (void)changed.look_ahead();
  EXPECT_EQ(
      changed.mistakes(),
      "error: 3 partitions in sink \"db\", the first of them \"p0\", were loaded with another "
      "definition of this pipeline: stage \"s\" changed | load them again with --reload "
      "(and forget those that are no longer planned: etl state FILE forget), or give the pipeline "
      "another name and the sink another table\n");
}

TEST(PlannerTest, AnAddedAndARemovedStageAreNamed) {
  Bench(pipeline_with("10")).run();
  Bench added(pipeline_with("10", more));
  (void)added.look_ahead();
  // The sink's input changed with it.
  EXPECT_THAT(added.mistakes(), HasSubstr("stage \"db\" changed, stage \"more\" is new"));
  Bench(pipeline_with("10", more)).run({{}, true, ProgressMode::off});
  Bench removed(pipeline_with("10"));
  (void)removed.look_ahead();
  EXPECT_THAT(removed.mistakes(), HasSubstr("stage \"db\" changed, stage \"more\" is gone"));
}

TEST(PlannerTest, ReloadIgnoresTheChange) {
  Bench(pipeline_with("10")).run();
  Bench changed(pipeline_with("12"));
  const Summary summary = changed.run({{}, true, ProgressMode::off});
  EXPECT_EQ(summary.status, "ok");
  EXPECT_EQ(summary.partitions.done, 3);
  EXPECT_EQ(store().rows().size(), 3U * 4U);
  EXPECT_EQ(store().ledger().at("p0").rows_read, 12);
}

TEST(PlannerTest, WhatFailedMayBeLoadedByAnotherDefinition) {
  Bench failing(pipeline_with("10\nfail = \"permanent\"\nfail_at = \"read\""));
  EXPECT_EQ(failing.run().status, "failed");
  Bench changed(pipeline_with("12"));
  EXPECT_EQ(changed.run().partitions.done, 3);
}

TEST(PlannerTest, ATargetThatDoesNotFitIsAMistake) {
  Bench bench(R"(
[sources.s]
plugin = "probe_source"
[sinks.db]
plugin = "probe_parallel"
input = "s"
store = "@"
fail = "config"
fail_at = "inspect"
)");
  (void)bench.look_ahead();
  EXPECT_EQ(bench.mistakes(), "error: sink \"db\": ordered to fail at inspect\n");
}

TEST(PlannerTest, ATargetThatCannotBeReachedIsNone) {
  Bench bench(R"(
[sources.s]
plugin = "probe_source"
[sinks.db]
plugin = "probe_parallel"
input = "s"
store = "@"
fail = "transient"
fail_at = "committed"
)");
  const Preflight found = bench.look_ahead();
  EXPECT_EQ(bench.mistakes(), "");
  ASSERT_TRUE(found.targets[0].unreachable.has_value());
  EXPECT_EQ(found.targets[0].unreachable->message(), "sink \"db\": ordered to fail at committed");
}

}  // namespace
