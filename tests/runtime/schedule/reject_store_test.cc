// The rejects of whole runs agree with the ledgers.
#include "core/runtime/schedule/reject_store.hpp"

#include "core/runtime/pipeline/preflight.hpp"
#include "core/runtime/run/reject_replay.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>

namespace {

namespace fs = std::filesystem;
using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::Bench;
using runtime_test::read_text;
using runtime_test::store;
using runtime_test::Watchdog;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// Rows 0, 5 of ten are rejected in each partition.
std::string source(const std::string& options = "") {
  return "[sources.s]\nplugin = \"probe_source\"\npartitions = 3\nreject_every = 5\n" + options +
         "\n";
}
std::string sink(const std::string& options = "", const std::string& name = "db",
                 const std::string& suffix = "", const std::string& input = "s") {
  return "[sinks." + name + "]\nplugin = \"probe_parallel\"\ninput = \"" + input +
         "\"\nstore = \"@" + suffix + "\"\n" + options + "\n";
}
std::string fails(const std::string& how, const std::string& point, int times = 0) {
  return "fail = \"" + how + "\"\nfail_at = \"" + point +
         "\"\nfail_times = " + std::to_string(times) + "\n";
}

class RejectStoreTest : public testing::Test {
 protected:
  static std::string keep(const std::string& more = "") {
    return "rejects = \"rejects.jsonl\"\n" + more;
  }
  static fs::path file(const Bench& bench) { return bench.folder() / "rejects.jsonl"; }
  static RejectPath path(const Bench& bench) { return RejectPath::of(file(bench)); }

  /// "partition:line:stage" of every entry, sorted.
  static std::vector<std::string> entries(const Bench& bench) {
    std::vector<std::string> list;
    const std::string text = read_text(file(bench));
    read_rejects(text, [&](const RejectRecord& record) {
      list.push_back(record.entry ? record.entry->key.partition + ":" +
                                        std::to_string(record.entry->line.value_or(0)) + ":" +
                                        record.entry->stage
                                  : "none");
    });
    std::sort(list.begin(), list.end());
    return list;
  }
  static void expect_all(const Bench& bench) {
    EXPECT_THAT(entries(bench),
                ElementsAre("p0:1:s", "p0:6:s", "p1:1:s", "p1:6:s", "p2:1:s", "p2:6:s"));
    EXPECT_FALSE(fs::exists(path(bench).spools())) << "nothing is left next to it";
  }

  Watchdog watchdog_;
};

TEST_F(RejectStoreTest, HoldsWhatTheLedgerCounts) {
  Bench bench(source() + sink(), keep());
  EXPECT_EQ(bench.run().rows.rejected, 6);
  expect_all(bench);
  EXPECT_EQ(bench.run().partitions.skipped, 3);
  expect_all(bench);
}

TEST_F(RejectStoreTest, AnAttemptThatRolledBackLeavesNothing) {
  Bench bench(source() + sink(fails("transient", "commit", 2)), keep());
  EXPECT_EQ(bench.run().status, "ok");
  expect_all(bench);
}

TEST_F(RejectStoreTest, AnAnswerThatWasLostIsNoSecondEntry) {
  Bench bench(source() + sink(fails("transient", "answer", 1)), keep());
  EXPECT_EQ(bench.run().status, "ok");
  expect_all(bench);
}

TEST_F(RejectStoreTest, ALostAnswerToTheLastAttemptIsSettledByTheLedger) {
  Bench bench(source() + sink(fails("transient", "answer")), keep("retries = 0"));
  EXPECT_EQ(bench.run().status, "failed");
  expect_all(bench);
}

TEST_F(RejectStoreTest, APartitionThatFailsHasNone) {
  Bench bench(source() + sink(fails("permanent", "commit")), keep());
  EXPECT_EQ(bench.run().status, "failed");
  EXPECT_THAT(entries(bench), IsEmpty());
  EXPECT_FALSE(fs::exists(path(bench).spools()));
}

TEST_F(RejectStoreTest, TooManyLeaveNoneButAnError) {
  Bench bench(source() + sink(), keep("max_rejects = 1"));
  const Summary summary = bench.run();
  ASSERT_THAT(summary.failures, SizeIs(3));
  EXPECT_THAT(summary.failures[0].error,
              HasSubstr("2 rows rejected: 2 x not to the source's taste"));
  EXPECT_THAT(entries(bench), IsEmpty());
}

TEST_F(RejectStoreTest, ReloadingReplaces) {
  Bench bench(source() + sink(), keep());
  (void)bench.run();
  const std::string before = read_text(file(bench));
  EXPECT_EQ(bench.run({{}, true, ProgressMode::off}).partitions.done, 3);
  expect_all(bench);
  EXPECT_NE(read_text(file(bench)), before) << "another run's id";
}

TEST_F(RejectStoreTest, OfSeveralSinksTheCommittedOnesCount) {
  const std::string filter = "[filters.f]\nplugin = \"probe_reject\"\ninput = \"s\"\nevery = 3\n";
  Bench bench(source() + filter + sink() + sink(fails("permanent", "commit"), "other", "2", "f"),
              keep());
  EXPECT_EQ(bench.run().status, "failed");
  expect_all(bench);
  EXPECT_EQ(store().ledger().at("p0").rows_rejected, 2);
}

TEST_F(RejectStoreTest, RejectsCommittedByAKilledRunArePublishedByTheNext) {
  Bench bench(source() + sink(), keep());
  const Summary first = bench.run();
  const std::string text = read_text(file(bench));
  // As if killed between the commits and the publication; p9 was never committed.
  {
    const SpoolFolder folder(path(bench), first.run_id);
    std::int64_t number = 0;
    for (const std::string id : {"p0", "p1", "p2", "p9"}) {
      SpoolHeader header{"", first.run_id, {"@", "s", id}, 1, {{"db", {"s"}}}, {}};
      read_rejects(text, [&](const RejectRecord& record) {
        header.key.pipeline = record.entry->key.pipeline;
      });
      SpoolWriter writer(folder.file(++number), header, true);
      read_rejects(text, [&](const RejectRecord& record) {
        if (record.entry->key.partition == id) writer.add(*record.entry);
      });
      if (id == "p9") writer.add({header.key, first.run_id, "s", 1, {}, "why", "raw"});
      writer.finish();
    }
    fs::resize_file(file(bench), text.size() / 2);
    (void)bench.run();
    EXPECT_EQ(folder.files().size(), 4U) << "a living run keeps its own spools";
  }
  (void)bench.run();
  expect_all(bench);
}

TEST_F(RejectStoreTest, AFolderHasAFileForEveryPartition) {
  Bench bench(source() + sink(), "rejects = \"rejects/\"");
  (void)bench.run();
  (void)bench.run({{}, true, ProgressMode::off});
  const RejectPath rejects = RejectPath::of(bench.folder() / "rejects");
  EXPECT_THAT(published_files(rejects), SizeIs(3));
  EXPECT_FALSE(fs::exists(rejects.spools()));
}

TEST_F(RejectStoreTest, AnUnwritablePathIsAMistakeWithItsPlace) {
  Bench bench(source() + sink(), "rejects = \"nowhere/rejects.jsonl\"");
  const auto& pipeline = bench.pipeline();
  Diagnostics diagnostics;
  (void)run_preflight(pipeline, false, diagnostics);
  EXPECT_THAT(diagnostics.text(false), HasSubstr("\"rejects\" in [run] cannot be written"));
  EXPECT_THAT(diagnostics.text(false), HasSubstr("does not exist"));
  EXPECT_GT(diagnostics.all().at(0).position.line, 0U);
}

// ---- replay ------------------------------------------------------------------------------------

/// Puts `now` in place of the first record `old`.
void repair(const fs::path& file, const std::string& old, const std::string& now) {
  std::string text = read_text(file);
  const std::string raw = "\"raw\":\"" + old + "\"";
  ASSERT_NE(text.find(raw), std::string::npos);
  text.replace(text.find(raw), raw.size(), "\"raw\":\"" + now + "\"");
  std::ofstream(file) << text;
}

class RejectReplayTest : public RejectStoreTest {
 protected:
  ReplayReport replay(Bench& bench) {
    return replay_rejects(bench.pipeline(), path(bench), bench.cancellation, bench.log);
  }
};

TEST_F(RejectReplayTest, RepairedRecordsAreLoadedOnce) {
  Bench bench(source() + sink(), keep());
  (void)bench.run();
  const std::size_t rows = store().rows().size();
  repair(file(bench), "p0", "100");
  const std::string repaired = read_text(file(bench));
  ReplayReport report = replay(bench);
  EXPECT_EQ(report.summary.status, "ok");
  EXPECT_EQ(report.loaded, 1);
  EXPECT_EQ(report.malformed, 5);
  EXPECT_EQ(store().rows().size(), rows + 1);
  EXPECT_THAT(store().rows(), testing::Contains(probe::Row{"p0", 100, "green"}));
  EXPECT_THAT(entries(bench), ElementsAre("p0:6:s", "p1:1:s", "p1:6:s", "p2:1:s", "p2:6:s"));
  EXPECT_THAT(store().ledger(), SizeIs(4));
  EXPECT_FALSE(fs::exists(path(bench).spools()));

  report = replay(bench);
  EXPECT_EQ(report.loaded, 0);
  EXPECT_EQ(store().rows().size(), rows + 1);

  // As if killed after the commit, with the entry still in the file.
  std::ofstream(file(bench)) << repaired;
  report = replay(bench);
  EXPECT_EQ(report.loaded, 1);
  EXPECT_EQ(report.summary.partitions.skipped, 1);
  EXPECT_EQ(store().rows().size(), rows + 1);
  EXPECT_THAT(entries(bench), SizeIs(5));
}

TEST_F(RejectReplayTest, EqualRepairsOfTwoPlacesAreTwoRows) {
  Bench bench(source() + sink(), keep());
  (void)bench.run();
  const std::size_t rows = store().rows().size();
  for (std::size_t more = 1; more <= 2; ++more) {
    repair(file(bench), "p0", "100");
    EXPECT_EQ(replay(bench).loaded, 1);
    EXPECT_EQ(store().rows().size(), rows + more);
  }
}

TEST_F(RejectReplayTest, TheSameRepairAfterAnotherRunIsAnotherRow) {
  Bench bench(source() + sink(), keep());
  (void)bench.run();
  repair(file(bench), "p0", "100");
  EXPECT_EQ(replay(bench).loaded, 1);
  RunRequest again;
  again.reload = true;
  (void)bench.run(again);  // replaces the rows of p0, but not what was replayed
  const std::size_t rows = store().rows().size();
  repair(file(bench), "p0", "100");
  EXPECT_EQ(replay(bench).loaded, 1);
  EXPECT_EQ(store().rows().size(), rows + 1);
}

/// Removes what the source said about the places of records.
void forget_places(const fs::path& file) {
  std::string text = read_text(file);
  for (const char* key : {"line", "offset"})
    text = std::regex_replace(text, std::regex("\"" + std::string(key) + "\":[0-9]+"),
                              "\"" + std::string(key) + "\":null");
  std::ofstream(file) << text;
}

TEST_F(RejectReplayTest, EqualRecordsWithoutAPlaceAreLoadedEachOnce) {
  Bench bench(source() + sink(), keep());
  (void)bench.run();
  forget_places(file(bench));
  const std::size_t rows = store().rows().size();
  for (std::size_t more = 1; more <= 2; ++more) {
    repair(file(bench), "p0", "100");
    EXPECT_EQ(replay(bench).loaded, 1);
    EXPECT_EQ(store().rows().size(), rows + more);
  }
}

TEST_F(RejectReplayTest, EntriesThatFailStayInTheFile) {
  Bench bench(source() + sink(fails("permanent", "commit") + "fail_partition = \"x\"\n"), keep());
  (void)bench.run();
  repair(file(bench), "p1", "7");
  Bench broken(source() + sink(fails("permanent", "commit")), keep());
  fs::copy_file(file(bench), file(broken));
  const ReplayReport report = replay(broken);
  EXPECT_EQ(report.summary.status, "failed");
  EXPECT_EQ(report.loaded, 0);
  EXPECT_THAT(entries(broken), SizeIs(6));
}

TEST_F(RejectReplayTest, AFiltersRejectsStayAndAreReported) {
  const std::string filter = "[filters.f]\nplugin = \"probe_reject\"\ninput = \"s\"\nevery = 3\n";
  Bench bench(source() + filter + sink("", "db", "", "f"), keep());
  (void)bench.run();
  repair(file(bench), "p0", "99");  // the filter rejects what 3 divides
  repair(file(bench), "p0", "100");
  const ReplayReport report = replay(bench);
  EXPECT_EQ(report.loaded, 2);
  EXPECT_EQ(report.of_filters, 9);
  EXPECT_THAT(report.notes, SizeIs(9));
  int of_replay = 0;
  for (const std::string& each : entries(bench))
    of_replay += each.starts_with("p0+replay-") ? 1 : 0;
  EXPECT_EQ(of_replay, 1);
}

TEST_F(RejectReplayTest, NeedsALedger) {
  Bench bench(source() + "[sinks.db]\nplugin = \"probe_append\"\ninput = \"s\"\nstore = \"@\"\n",
              keep());
  (void)bench.run();
  try {
    (void)replay(bench);
    FAIL();
  } catch (const etl::Error& error) {
    EXPECT_EQ(error.code(), etl::Code::config);
    EXPECT_THAT(error.what(), HasSubstr("keeps no ledger"));
  }
}

}  // namespace
