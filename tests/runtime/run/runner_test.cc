// Targets, ledgers, planning and the summary of a run.
#include "core/runtime/run/runner.hpp"

#include "core/runtime/pipeline/preflight.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::all_rows;
using runtime_test::Bench;
using runtime_test::store;
using runtime_test::Watchdog;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string source(const std::string& options = "") {
  return "[sources.s]\nplugin = \"probe_source\"\npartitions = 3\n" + options + "\n";
}
std::string sink(const std::string& options = "", const std::string& name = "db",
                 const std::string& suffix = "") {
  return "[sinks." + name + "]\nplugin = \"probe_parallel\"\ninput = \"s\"\nstore = \"@" + suffix +
         "\"\n" + options + "\n";
}
std::string fails(const std::string& how, const std::string& point, int times = 0) {
  return "fail = \"" + how + "\"\nfail_at = \"" + point +
         "\"\nfail_times = " + std::to_string(times) + "\n";
}

class RunnerTest : public testing::Test {
 protected:
  Watchdog watchdog_;
};

class UnreachableSinkTest : public testing::TestWithParam<const char*> {
 protected:
  Watchdog watchdog_;
};

TEST_P(UnreachableSinkTest, FailsItsPartitionsAndTheOthersGoOn) {
  Bench bench(source() + sink(fails("transient", GetParam())) + sink("", "other", "2"),
              "retries = 2");
  const Summary summary = bench.run();
  EXPECT_EQ(summary.status, "failed");
  EXPECT_THAT(store().rows(), IsEmpty());
  EXPECT_EQ(store("2").rows(), all_rows(3, 10));
  EXPECT_EQ(summary.sinks[0].partitions.failed, 3);
  EXPECT_EQ(summary.sinks[1].partitions.done, 3);
  EXPECT_EQ(summary.partitions.failed, 3) << "done in one sink of two is not done";
  EXPECT_EQ(summary.partitions.done, 0);
  ASSERT_THAT(summary.failures, SizeIs(3));
  for (const Failure& failure : summary.failures) {
    EXPECT_EQ(failure.sink, "db");
    EXPECT_EQ(failure.stage, "db");
    EXPECT_EQ(failure.attempts, 3);
    EXPECT_EQ(failure.error, std::string("sink \"db\": ordered to fail at ") + GetParam());
  }
}

TEST_P(UnreachableSinkTest, ThatIsReachedLaterIsUsed) {
  Bench bench(source() + sink(fails("transient", GetParam(), 2)), "retries = 2");
  EXPECT_EQ(bench.run().status, "ok");
  EXPECT_EQ(store().rows(), all_rows(3, 10));
}

INSTANTIATE_TEST_SUITE_P(At, UnreachableSinkTest, testing::Values("committed", "prepare"));

TEST_F(RunnerTest, APermanentFailureOfASinkIsTriedOnce) {
  const Summary summary = Bench(source() + sink(fails("permanent", "prepare"))).run();
  ASSERT_THAT(summary.failures, SizeIs(3));
  EXPECT_EQ(summary.failures[0].attempts, 1);
  EXPECT_EQ(summary.partitions.failed, 3);
}

TEST_F(RunnerTest, OnFailureStopReadsNothingForASinkThatIsThere) {
  Bench bench(source() + sink(fails("permanent", "prepare")) + sink("", "other", "2"),
              "on_failure = \"stop\"");
  const Summary summary = bench.run();
  EXPECT_EQ(summary.status, "failed");
  EXPECT_THAT(store("2").rows(), IsEmpty());
  EXPECT_EQ(summary.partitions.done, 0);
}

TEST_F(RunnerTest, PlanningIsTriedAgain) {
  Bench bench(source(fails("transient", "plan", 2)) + sink(), "retries = 2");
  EXPECT_EQ(bench.run().status, "ok");
  EXPECT_EQ(store().rows(), all_rows(3, 10));
}

TEST_F(RunnerTest, ASourceThatCannotPlanEndsTheRun) {
  Bench bench(source(fails("transient", "plan")) + sink(), "retries = 2");
  try {
    (void)bench.run();
    FAIL();
  } catch (const etl::Error& error) {
    EXPECT_EQ(error.code(), etl::Code::transient);
    EXPECT_STREQ(error.what(), "source \"s\": ordered to fail at plan");
  }
}

TEST_F(RunnerTest, ATargetThatTurnsOutNotToFitEndsTheRun) {
  Bench bench(source() + sink(fails("config", "prepare")));
  try {
    (void)bench.run();
    FAIL();
  } catch (const etl::Error& error) {
    EXPECT_EQ(error.code(), etl::Code::config);
    EXPECT_STREQ(error.what(), "sink \"db\": ordered to fail at prepare");
  }
}

TEST_F(RunnerTest, ASourceThatCannotFetchAheadIsReadNevertheless) {
  Bench bench(source(fails("transient", "expect")) + sink());
  EXPECT_EQ(bench.run().status, "ok");
  EXPECT_EQ(store().rows(), all_rows(3, 10));
}

TEST_F(RunnerTest, AFailureToForgetAPartitionIsNone) {
  Bench bench(source(fails("throw", "finish")) + sink());
  EXPECT_EQ(bench.run().status, "ok");
}

TEST_F(RunnerTest, OnlyAndLimitChoosePartitions) {
  Bench bench(source() + sink());
  const Summary summary = bench.run({{{"p[12]"}, 1}, false, ProgressMode::off});
  EXPECT_EQ(summary.partitions.total, 1);
  EXPECT_EQ(summary.partitions.done, 1);
  EXPECT_EQ(store().ledger().count("p1"), 1U);
}

TEST_F(RunnerTest, NothingToDoIsDone) {
  const Summary summary =
      Bench("[sources.s]\nplugin = \"probe_source\"\npartitions = 0\n" + sink()).run();
  EXPECT_EQ(summary.status, "ok");
  EXPECT_EQ(summary.partitions.total, 0);
}

TEST_F(RunnerTest, ASelectionOfNothingIsAnError) {
  Bench bench(source("rows = 0") + sink());
  try {
    (void)bench.run({{{"none"}, {}}, false, {}});
    FAIL();
  } catch (const etl::Error& error) {
    EXPECT_EQ(error.code(), etl::Code::permanent);
    EXPECT_THAT(error.what(), HasSubstr("none of 3 partitions in the plan has an id"));
  }
}

TEST_F(RunnerTest, AnUnreachedSinkWithAnotherDefinitionIsNoticedOnceReached) {
  Bench(source() + sink()).run();
  Bench bench(source("rows = 11") + sink(fails("transient", "committed", 1)));
  try {
    (void)bench.run();
    FAIL();
  } catch (const etl::Error& error) {
    EXPECT_EQ(error.code(), etl::Code::config);
    EXPECT_THAT(error.what(), HasSubstr("stage \"s\" changed"));
    EXPECT_THAT(error.what(), HasSubstr("--reload"));
  }
  EXPECT_EQ(store().rows(), all_rows(3, 10));
}

TEST_F(RunnerTest, StoppingWhileASinkIsOutOfReach) {
  Bench bench(source() + sink(fails("transient", "prepare")), "retries = 1000", "1h");
  Summary summary;
  std::thread running([&] { summary = bench.run(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  bench.cancellation.request(SIGINT);
  running.join();
  EXPECT_EQ(summary.status, "interrupted");
  EXPECT_THAT(summary.failures, IsEmpty());
  EXPECT_EQ(summary.partitions.failed, 0);
}

TEST_F(RunnerTest, TheSummaryOfStagesAddsUp) {
  Bench bench(R"(
[sources.s]
plugin = "probe_source"
partitions = 3
rows = 12
reject_every = 6
[filters.red]
plugin = "probe_keep"
input = "s"
colour = "red"
[filters.twice]
plugin = "probe_expand"
input = "red"
[sinks.db]
plugin = "probe_parallel"
input = "twice"
store = "@"
)");
  const Summary summary = bench.run();
  std::map<std::string, StageCounts> stages;
  for (const StageSummary& stage : summary.stages) stages[stage.name] = stage.counts;
  EXPECT_EQ(stages["s"].rows_in, 36);
  EXPECT_EQ(stages["s"].rejected, 6);
  EXPECT_EQ(stages["s"].rows_out, 30);
  EXPECT_EQ(stages["red"].rows_in, 30);
  EXPECT_EQ(stages["red"].rows_out, 6);
  EXPECT_EQ(stages["twice"].rows_out, 12);
  EXPECT_EQ(stages["db"].rows_in, 12);
  EXPECT_TRUE(summary.rows.balanced());
  EXPECT_EQ(summary.rows.written, static_cast<std::int64_t>(store().rows().size()));
}

TEST_F(RunnerTest, TwoRunsAtOnceLoadEverythingOnce) {
  const std::string pipeline = "[sources.s]\nplugin = \"probe_source\"\npartitions = 20\n" + sink();
  Bench one(pipeline, "workers = 3");
  Bench other(pipeline, "workers = 3");
  Preflight first = one.preflight();
  Preflight second = other.preflight();
  Summary of_one;
  std::thread running([&] { of_one = one.run(std::move(first)); });
  const Summary of_other = other.run(std::move(second));
  running.join();
  EXPECT_EQ(of_one.status, "ok");
  EXPECT_EQ(of_other.status, "ok");
  EXPECT_EQ(of_one.partitions.done + of_other.partitions.done, 20);
  EXPECT_EQ(of_one.partitions.skipped + of_other.partitions.skipped, 20);
  EXPECT_EQ(store().rows(), all_rows(20, 10));
}

}  // namespace
