// Attempts, retries and commits of partitions.
#include "core/runtime/schedule/scheduler.hpp"

#include "core/runtime/pipeline/preflight.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using etl::Partition;
using runtime_test::all_rows;
using runtime_test::Bench;
using runtime_test::rows_of;
using runtime_test::store;
using runtime_test::wait_until;
using runtime_test::Watchdog;
using testing::HasSubstr;
using testing::IsEmpty;

std::string source(const std::string& options = "") {
  return "[sources.s]\nplugin = \"probe_source\"\n" + options + "\n";
}
std::string sink(const std::string& options = "", const std::string& plugin = "probe_exclusive",
                 const std::string& name = "db", const std::string& suffix = "") {
  return "[sinks." + name + "]\nplugin = \"" + plugin + "\"\ninput = \"s\"\nstore = \"@" + suffix +
         "\"\n" + options + "\n";
}

class SchedulerTest : public testing::Test {
 protected:
  Watchdog watchdog_;
};

TEST_F(SchedulerTest, EveryPartitionOnce) {
  for (const char* plugin : {"probe_exclusive", "probe_parallel"}) {
    Bench bench(source("partitions = 20\nrows = 50") + sink("", plugin, "db", plugin),
                "workers = 4");
    const Summary summary = bench.run();
    EXPECT_EQ(summary.status, "ok");
    EXPECT_EQ(summary.delivery, "exactly-once");
    EXPECT_EQ(summary.partitions.done, 20);
    EXPECT_EQ(summary.partitions.total, 20);
    EXPECT_EQ(summary.rows.read, 1000);
    EXPECT_EQ(summary.rows.written, 1000);
    EXPECT_EQ(summary.bytes_decoded, 1000);
    EXPECT_EQ(store(plugin).rows(), all_rows(20, 50));
    EXPECT_EQ(store(plugin).open_writers(), 0);
  }
  EXPECT_EQ(store("probe_exclusive").most_writers(), 1);
}

TEST_F(SchedulerTest, ASecondRunSkipsWhatIsDone) {
  const std::string pipeline = source("partitions = 5") + sink();
  Bench(pipeline).run();
  const Summary summary = Bench(pipeline).run();
  EXPECT_EQ(summary.status, "ok");
  EXPECT_EQ(summary.partitions.skipped, 5);
  EXPECT_EQ(summary.partitions.done, 0);
  EXPECT_EQ(summary.rows.read, 0);
  EXPECT_EQ(store().rows(), all_rows(5, 10));
}

TEST_F(SchedulerTest, ReloadReplaces) {
  const std::string pipeline = source("partitions = 3") + sink();
  Bench(pipeline).run();
  const Summary summary = Bench(pipeline).run({{}, true, ProgressMode::off});
  EXPECT_EQ(summary.partitions.done, 3);
  EXPECT_EQ(store().rows(), all_rows(3, 10));
}

TEST_F(SchedulerTest, AnAttemptKnowsWhetherOthersWaitForTheirTurn) {
  Bench bench(source() + sink());
  const std::vector<Partition> partitions = {{"p0", "", -1, {}}, {"p1", "", -1, {}}};
  std::vector<PartitionJob> jobs;
  for (const Partition& partition : partitions)
    jobs.push_back({bench.node("s"), &partition, {bench.node("db")}});
  Progress progress(ProgressMode::off, bench.log);
  Scheduler scheduler(bench.graph(), std::move(jobs), {}, bench.cancellation, bench.log, progress);
  const auto first = scheduler.next();
  const auto second = scheduler.next();
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(first->last);
  EXPECT_TRUE(second->last);
  scheduler.put_back(*second);
  scheduler.put_back(*first);
  EXPECT_FALSE(scheduler.next()->last);
  EXPECT_TRUE(scheduler.next()->last);
}

// ---- sinks that share what they lock ------------------------------------------------------------

/// Every row as often as there are sinks.
std::vector<probe::Row> twice(std::vector<probe::Row> rows) {
  const std::vector<probe::Row> once = rows;
  rows.insert(rows.end(), once.begin(), once.end());
  std::sort(rows.begin(), rows.end());
  return rows;
}

TEST_F(SchedulerTest, SinksOfOneResourceTakeTurns) {
  Bench bench(source("partitions = 8\nrows = 50") + sink() + sink("", "probe_exclusive", "db2"),
              "workers = 4");
  const Summary summary = bench.run();
  EXPECT_EQ(summary.status, "ok");
  EXPECT_EQ(store().rows(), twice(all_rows(8, 50)));
  EXPECT_EQ(store().most_writers(), 1);
  EXPECT_EQ(summary.rows.read, 400);
}

TEST_F(SchedulerTest, APartitionTooLargeToWaitIsReadForEachOfThem) {
  // Each partition has 4 MB, of which 1 MiB may wait: neither sink can wait for the other.
  Bench bench(source("partitions = 2\nrows = 200\npadding = 20000\nbatch_rows = 10") + sink() +
                  sink("", "probe_exclusive", "db2"),
              "workers = 2\nmemory_limit = \"1MiB\"\nretries = 0");
  const Summary summary = bench.run();
  EXPECT_EQ(summary.status, "ok");
  EXPECT_EQ(store().rows(), twice(all_rows(2, 200)));
  EXPECT_EQ(store().most_writers(), 1);
  EXPECT_EQ(summary.rows.read, 400);
  EXPECT_EQ(summary.stages[0].counts.rows_in,
            400);  // each row counts once, however often it is read
  for (const auto& [partition, record] : store().ledger()) EXPECT_EQ(record.attempts, 1);
}

// ---- failures ----------------------------------------------------------------------------------

TEST_F(SchedulerTest, TransientFailuresAreRetried) {
  for (const char* point : {"read", "next"}) {
    Bench bench(source(std::string("partitions = 4\nfail = \"transient\"\nfail_times = 2\n") +
                       "fail_at = \"" + point + "\"") +
                    sink("", "probe_exclusive", "db", point),
                "workers = 2");
    const Summary summary = bench.run();
    EXPECT_EQ(summary.status, "ok") << point;
    EXPECT_THAT(summary.failures, IsEmpty());
    EXPECT_EQ(store(point).rows(), all_rows(4, 10));
    for (const auto& [partition, record] : store(point).ledger()) EXPECT_EQ(record.attempts, 3);
  }
}

TEST_F(SchedulerTest, SoAreThoseOfASink) {
  for (const char* point : {"open", "write", "commit"}) {
    Bench bench(
        source("partitions = 4") +
            sink(std::string("fail = \"transient\"\nfail_times = 2\nfail_at = \"") + point + "\"",
                 "probe_exclusive", "db", point),
        "workers = 2");
    const Summary summary = bench.run();
    EXPECT_EQ(summary.status, "ok") << point;
    EXPECT_EQ(store(point).rows(), all_rows(4, 10));
    for (const auto& [partition, record] : store(point).ledger()) EXPECT_EQ(record.attempts, 3);
  }
}

TEST_F(SchedulerTest, RetriesEnd) {
  Bench bench(source("partitions = 2\nfail = \"transient\"\nfail_at = \"next\"\nfail_after = 4\n"
                     "fail_partition = \"p1\"") +
                  sink(),
              "retries = 2");
  const Summary summary = bench.run();
  EXPECT_EQ(summary.status, "failed");
  EXPECT_EQ(summary.partitions.done, 1);
  EXPECT_EQ(summary.partitions.failed, 1);
  ASSERT_EQ(summary.failures.size(), 1U);
  EXPECT_EQ(summary.failures[0].partition, "p1");
  EXPECT_EQ(summary.failures[0].sink, "db");
  EXPECT_EQ(summary.failures[0].stage, "s");
  EXPECT_EQ(summary.failures[0].attempts, 3);
  EXPECT_EQ(summary.failures[0].error, "source \"s\": ordered to fail at next p1");
  EXPECT_EQ(store().rows(), rows_of("p0", 10));
  const etl::LedgerRecord record = store().ledger().at("p1");
  EXPECT_EQ(record.state, etl::State::failed);
  EXPECT_EQ(record.attempts, 3);
  EXPECT_EQ(record.error, summary.failures[0].error);
}

TEST_F(SchedulerTest, ARetryWaitsAsLongAsItIsAskedTo) {
  Bench bench(source("fail = \"transient\"\nfail_at = \"read\"\nfail_times = 1\n"
                     "retry_after = \"200ms\"") +
              sink());
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(bench.run().status, "ok");
  // A lower bound, which load on the machine cannot break.
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(200));
}

TEST_F(SchedulerTest, PermanentFailuresAreNotRetried) {
  for (const char* how : {"permanent", "internal", "config", "throw", "unknown"}) {
    Bench bench(
        source(std::string("partitions = 3\nfail_at = \"next\"\nfail_partition = \"p1\"\n") +
               "fail = \"" + how + "\"") +
        sink("", "probe_exclusive", "db", how));
    const Summary summary = bench.run();
    EXPECT_EQ(summary.status, "failed") << how;
    ASSERT_EQ(summary.failures.size(), 1U) << how;
    EXPECT_EQ(summary.failures[0].attempts, 1) << how;
    EXPECT_EQ(summary.partitions.done, 2) << how;
    EXPECT_EQ(store(how).ledger().at("p1").state, etl::State::failed) << how;
    EXPECT_EQ(store(how).rows().size(), 20U) << how;
  }
}

TEST_F(SchedulerTest, AFailedPartitionIsLoadedByTheNextRun) {
  const std::string sinks = sink();
  Bench(source("partitions = 3\nfail = \"permanent\"\nfail_at = \"next\"") + sinks).run();
  const Summary summary = Bench(source("partitions = 3") + sinks).run();
  EXPECT_EQ(summary.partitions.done, 3);
  EXPECT_EQ(store().rows(), all_rows(3, 10));
}

TEST_F(SchedulerTest, MissingIsNoFailure) {
  Bench bench(source("partitions = 3\nfail = \"missing\"\nfail_at = \"read\"\n"
                     "fail_partition = \"p1\"") +
              sink());
  const Summary summary = bench.run();
  EXPECT_EQ(summary.status, "ok");
  EXPECT_EQ(summary.partitions.missing, 1);
  EXPECT_EQ(summary.partitions.done, 2);
  EXPECT_EQ(summary.sinks[0].partitions.missing, 1);
  const etl::LedgerRecord record = store().ledger().at("p1");
  EXPECT_EQ(record.state, etl::State::missing);
  EXPECT_EQ(record.attempts, 1);
}

TEST_F(SchedulerTest, AStageThatStopsByItselfHasFailed) {
  Bench bench(source("partitions = 3\nfail = \"cancelled\"\nfail_at = \"next\"\n"
                     "fail_partition = \"p1\"") +
              sink());
  const Summary summary = bench.run();
  EXPECT_EQ(summary.status, "failed") << "a partition that was not loaded must not look like done";
  ASSERT_EQ(summary.failures.size(), 1U);
  EXPECT_EQ(summary.failures[0].error, "source \"s\": stopped, but no stop was requested");
  EXPECT_EQ(summary.partitions.failed, 1);
  EXPECT_EQ(summary.partitions.done, 2);
}

TEST_F(SchedulerTest, AFailureThatCannotBeRecordedIsStillOne) {
  Bench bench(source("fail = \"permanent\"\nfail_at = \"next\"") +
              sink("fail = \"permanent\"\nfail_at = \"record\""));
  const Summary summary = bench.run();
  EXPECT_EQ(summary.status, "failed");
  EXPECT_EQ(summary.partitions.failed, 1);
  EXPECT_THAT(store().ledger(), IsEmpty());
}

TEST_F(SchedulerTest, TooManyRejectsFailThePartition) {
  Bench bench(source("rows = 10\nreject_every = 1") + sink(), "max_rejects = 9");
  const Summary summary = bench.run();
  ASSERT_EQ(summary.failures.size(), 1U);
  EXPECT_THAT(summary.failures[0].error, HasSubstr("10 rows rejected"));
  EXPECT_THAT(store().rows(), IsEmpty());
}

TEST_F(SchedulerTest, CountsThatDoNotAddUpCommitNowhere) {
  Bench bench(source("lie = 3") + sink() + sink("", "probe_parallel", "other", "2"));
  const Summary summary = bench.run();
  EXPECT_EQ(summary.failures.size(), 2U);
  EXPECT_THAT(store().rows(), IsEmpty());
  EXPECT_THAT(store("2").rows(), IsEmpty());
}

TEST_F(SchedulerTest, OnFailureStopBeginsNoMore) {
  Bench bench(source("partitions = 10\nfail = \"permanent\"\nfail_at = \"read\"\n"
                     "fail_partition = \"p2\"") +
                  sink(),
              "workers = 1\non_failure = \"stop\"");
  const Summary summary = bench.run();
  EXPECT_EQ(summary.status, "failed");
  EXPECT_EQ(summary.partitions.failed, 1);
  EXPECT_EQ(summary.partitions.done, 2);
  EXPECT_EQ(summary.partitions.total, 10);
}

TEST_F(SchedulerTest, ErrorsAreConcealedAndPrintableWhereverTheyAreKept) {
  Bench bench(source("fail = \"permanent\"\nfail_at = \"read\"\ntoken = \"hunter22\"\n"
                     "say = \"\\u001b[2J\"") +
              sink());
  const Summary summary = bench.run();
  ASSERT_EQ(summary.failures.size(), 1U);
  EXPECT_EQ(summary.failures[0].error,
            "source \"s\": ordered to fail at read p0 \xEF\xBF\xBD[2J ***");
  EXPECT_EQ(store().ledger().at("p0").error, summary.failures[0].error);
}

// ---- conflicts ---------------------------------------------------------------------------------

etl::LedgerRecord done_by(const std::string& run_id, const std::string& partition) {
  etl::LedgerRecord record;
  record.pipeline = "bench";
  record.source = "s";
  record.sink = "db";
  record.partition = partition;
  record.run_id = run_id;
  return record;
}

TEST_F(SchedulerTest, APartitionLostToAnotherRunIsSkipped) {
  Bench bench(source("partitions = 3") + sink());
  Preflight preflight = bench.preflight();
  store().commit(done_by("another", "p1"), rows_of("p1", 10), false);
  const Summary summary = bench.run(std::move(preflight));
  EXPECT_EQ(summary.status, "ok");
  EXPECT_EQ(summary.partitions.done, 2);
  EXPECT_EQ(summary.partitions.skipped, 1);
  EXPECT_EQ(summary.sinks[0].partitions.skipped, 1);
  EXPECT_EQ(summary.rows.written, 20);
  EXPECT_EQ(store().rows(), all_rows(3, 10));
}

TEST_F(SchedulerTest, ACommitWhoseAnswerWasLostIsDone) {
  Bench bench(source("partitions = 3") +
              sink("fail = \"transient\"\nfail_at = \"answer\"\nfail_times = 1"));
  const Summary summary = bench.run();
  EXPECT_EQ(summary.status, "ok");
  EXPECT_EQ(summary.partitions.done, 3);
  EXPECT_EQ(summary.partitions.skipped, 0);
  EXPECT_EQ(summary.rows.written, 30);
  EXPECT_EQ(store().rows(), all_rows(3, 10));
}

TEST_F(SchedulerTest, AConflictThatTheLedgerDoesNotConfirmFails) {
  Bench bench(source("partitions = 3") +
                  sink("fail = \"conflict\"\nfail_at = \"open\"\nfail_partition = \"p1\""),
              "retries = 0");
  const Summary summary = bench.run();
  EXPECT_EQ(summary.status, "failed");
  EXPECT_EQ(summary.partitions.done, 2);
  EXPECT_EQ(summary.partitions.skipped, 0);
  ASSERT_EQ(summary.failures.size(), 1U);
  EXPECT_EQ(summary.failures[0].partition, "p1");
  EXPECT_THAT(summary.failures[0].error, testing::HasSubstr("its ledger does not have it"));
}

// ---- several sinks -----------------------------------------------------------------------------

TEST_F(SchedulerTest, APartitionIsReadAgainOnlyForTheSinkThatLacksIt) {
  Bench bench(source("partitions = 4") + sink() +
                  sink("fail = \"transient\"\nfail_at = \"commit\"\nfail_times = 1",
                       "probe_parallel", "other", "2"),
              "workers = 2");
  const Summary summary = bench.run();
  EXPECT_EQ(summary.status, "ok");
  EXPECT_EQ(summary.partitions.done, 4);
  EXPECT_EQ(store().rows(), all_rows(4, 10)) << "written twice or not at all";
  EXPECT_EQ(store("2").rows(), all_rows(4, 10));
  for (const auto& [partition, record] : store().ledger()) EXPECT_EQ(record.attempts, 1);
  for (const auto& [partition, record] : store("2").ledger()) EXPECT_EQ(record.attempts, 2);
  EXPECT_EQ(summary.rows.read, 40);
  EXPECT_EQ(summary.rows.written, 80);
}

TEST_F(SchedulerTest, OneSinkFailsAndTheOtherGoesOn) {
  Bench bench(source("partitions = 4") + sink() +
              sink("fail = \"permanent\"\nfail_at = \"write\"", "probe_parallel", "other", "2"));
  const Summary summary = bench.run();
  EXPECT_EQ(summary.status, "failed");
  EXPECT_EQ(summary.partitions.failed, 4);
  EXPECT_EQ(summary.sinks[0].partitions.done, 4);
  EXPECT_EQ(summary.sinks[1].partitions.failed, 4);
  EXPECT_EQ(store().rows(), all_rows(4, 10));
  EXPECT_THAT(store("2").rows(), IsEmpty());
}

TEST_F(SchedulerTest, ANextRunReadsForTheSinkThatLacksIt) {
  const std::string first = source("partitions = 3") + sink();
  Bench(first + sink("fail = \"permanent\"\nfail_at = \"commit\"", "probe_parallel", "other", "2"))
      .run();
  const Summary summary = Bench(first + sink("", "probe_parallel", "other", "2")).run();
  EXPECT_EQ(summary.status, "ok");
  EXPECT_EQ(summary.sinks[0].partitions.skipped, 3);
  EXPECT_EQ(summary.sinks[1].partitions.done, 3);
  EXPECT_EQ(store().rows(), all_rows(3, 10));
  EXPECT_EQ(store("2").rows(), all_rows(3, 10));
}

TEST_F(SchedulerTest, TwoExclusiveSinksAndALittleMemory) {
  Bench bench(source("partitions = 12\nrows = 200\nbatch_rows = 20\npadding = 4000") + sink() +
                  sink("", "probe_exclusive", "other", "2"),
              "workers = 4\nmemory_limit = \"1MiB\"");
  const Summary summary = bench.run();
  EXPECT_EQ(summary.status, "ok");
  EXPECT_EQ(store().rows(), all_rows(12, 200));
  EXPECT_EQ(store("2").rows(), all_rows(12, 200));
}

TEST_F(SchedulerTest, BatchesLargerThanTheMemoryLimit) {
  Bench bench(source("partitions = 3\nrows = 40\nbatch_rows = 20\npadding = 100000") + sink(),
              "workers = 2\nmemory_limit = \"1MiB\"");
  EXPECT_EQ(bench.run().status, "ok");
  EXPECT_EQ(store().rows(), all_rows(3, 40));
}

/// p0 fails in both sinks while p1, which fills the memory, waits for both. The thread that records
/// p0's failure in the first sink must still hold its slot in the second: otherwise p1 could take the
/// first sink, so that recording would wait for p1, and p1 for this thread.
TEST_F(SchedulerTest, RecordingAFailureHoldsUpNoWriter) {
  const std::string first =
      "fail = \"permanent\"\nfail_at = \"commit\"\nfail_partition = \"p0\"\n"
      "hold_at = \"record\"\nhold = \"%/record\"\n";
  const std::string second =
      "fail = \"permanent\"\nfail_at = \"commit\"\nfail_partition = \"p0\"\n"
      "hold_at = \"commit\"\nhold_partition = \"p0\"\nhold = \"%/commit\"\n";
  const std::string behind = "hold_at = \"read\"\nhold_partition = \"p1\"\nhold = \"%/read\"\n";
  Bench bench(source("partitions = 2\nrows = 400\nbatch_rows = 10\npadding = 20000\n" + behind) +
                  sink(first) + sink(second, "probe_exclusive", "other", "2"),
              "workers = 2\nmemory_limit = \"1MiB\"");
  Summary summary;
  std::thread running([&] { summary = bench.run(); });
  const auto reached = [&](const char* name) {
    return std::filesystem::exists(bench.folder() / (std::string(name) + ".reached"));
  };
  const auto release = [&](const char* name) { std::ofstream(bench.folder() / name).put('\n'); };
  EXPECT_TRUE(wait_until([&] { return reached("commit"); }));
  release("read");
  // A quarter of the memory is enough for p1 to ask for its write slots early.
  EXPECT_TRUE(wait_until([&] { return bench.graph().memory().now() > 1 << 18; }));
  release("commit");
  EXPECT_TRUE(wait_until([&] { return reached("record"); }));
  // If p1 could begin to write to the first sink now, record() would wait for it for ever.
  EXPECT_EQ(store().open_writers(), 0);
  release("record");
  running.join();
  EXPECT_EQ(summary.partitions.failed, 1);
  EXPECT_EQ(summary.partitions.done, 1);
  EXPECT_EQ(store("2").rows().size(), 400U);
}

// ---- without transactions ----------------------------------------------------------------------

TEST_F(SchedulerTest, WithoutTransactionsARetryWritesAgain) {
  const std::string pipeline =
      source() + sink("fail = \"transient\"\nfail_at = \"commit\"\nfail_times = 1", "probe_append");
  const Summary summary = Bench(pipeline).run();
  EXPECT_EQ(summary.status, "ok");
  EXPECT_EQ(summary.delivery, "at-least-once");
  EXPECT_EQ(summary.rows.written, 10);
  EXPECT_EQ(store().rows().size(), 20U) << "10 rows of each attempt";
  EXPECT_EQ(Bench(source() + sink("", "probe_append")).run().partitions.done, 1)
      << "every run writes every partition";
  EXPECT_EQ(store().rows().size(), 30U);
}

// ---- stopping ----------------------------------------------------------------------------------

class StoppingTest : public testing::TestWithParam<const char*> {
 protected:
  Watchdog watchdog_;
};

TEST_P(StoppingTest, LeavesNothingHalfWritten) {
  const std::string point = GetParam();
  const std::string hold = "hold_at = \"" + point + "\"\nhold_partition = \"p1\"\nhold = \"%/go\"";
  const bool in_source = point == "read" || point == "next";
  Bench bench(source("partitions = 6\n" + (in_source ? hold : "")) + sink(in_source ? "" : hold),
              "workers = 2");
  Summary summary;
  std::thread running([&] { summary = bench.run(); });
  EXPECT_TRUE(wait_until([&] { return std::filesystem::exists(bench.folder() / "go.reached"); }));
  bench.cancellation.request(SIGINT);
  running.join();
  EXPECT_EQ(summary.status, "interrupted");
  EXPECT_THAT(summary.failures, IsEmpty());
  EXPECT_EQ(summary.partitions.failed, 0);
  std::vector<probe::Row> committed;
  for (const auto& [partition, record] : store().ledger()) {
    EXPECT_EQ(record.state, etl::State::done);
    const std::vector<probe::Row> rows = rows_of(partition, 10);
    committed.insert(committed.end(), rows.begin(), rows.end());
  }
  std::sort(committed.begin(), committed.end());
  EXPECT_EQ(store().rows(), committed) << "rows and ledger disagree";
  EXPECT_EQ(store().ledger().count("p1"), 0U);
  EXPECT_EQ(store().open_writers(), 0);
  // The next run loads the rest.
  Bench again(source("partitions = 6") + sink());
  EXPECT_EQ(again.run().status, "ok");
  EXPECT_EQ(store().rows(), all_rows(6, 10));
}

INSTANTIATE_TEST_SUITE_P(AtEveryPoint, StoppingTest,
                         testing::Values("read", "next", "open", "write", "commit"));

TEST_F(SchedulerTest, StoppingDoesNotWaitForARetry) {
  Bench bench(source("fail = \"transient\"\nfail_at = \"next\"\nretry_after = \"1h\"\n"
                     "hold_at = \"finish\"\nhold = \"%/never\"") +
              sink());
  Summary summary;
  std::thread running([&] { summary = bench.run(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  bench.cancellation.request(SIGTERM);
  running.join();
  EXPECT_EQ(summary.status, "interrupted");
  EXPECT_THAT(summary.failures, IsEmpty());
}

TEST_F(SchedulerTest, StoppedBeforeItBegan) {
  Bench bench(source() + sink());
  Preflight preflight = bench.preflight();
  bench.cancellation.request(SIGINT);
  const Summary summary = bench.run(std::move(preflight));
  EXPECT_EQ(summary.status, "interrupted");
  EXPECT_THAT(store().rows(), IsEmpty());
}

}  // namespace
