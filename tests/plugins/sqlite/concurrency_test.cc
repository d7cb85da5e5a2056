#include "support.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace {

using namespace sqlite_tests;
using std::chrono::milliseconds;

const Schema schema{{"part", Type::int32}, {"text", Type::utf8}};

etl::Batch rows_of(int part, int count) {
  etl::BatchBuilder builder(schema);
  for (int i = 0; i < count; ++i) builder.row(part, "row " + std::to_string(i));
  return builder.finish();
}

std::vector<etl::Batch> one_batch(int part, int count) {
  std::vector<etl::Batch> batches;
  batches.push_back(rows_of(part, count));
  return batches;
}

class Concurrency : public testing::Test {
 protected:
  std::unique_ptr<sqlite::SqliteSink> prepared() {
    auto sink = options_.make(host_.context());
    sink->prepare(schema);
    return sink;
  }
  [[nodiscard]] std::string value(const std::string& sql) const {
    return PlainDatabase(options_.path).value(sql);
  }

  TemporaryFolder folder_;
  FakeHost host_;
  SinkOptions options_{folder_.file("c.db")};
};

TEST_F(Concurrency, OfTwoSinksOneCommitsAPartition) {
  constexpr int partitions = 20;
  std::atomic<int> committed = 0;
  std::atomic<int> conflicts = 0;
  const auto run = [&] {
    const auto sink = prepared();  // both create the file and its tables, too
    for (int i = 0; i < partitions; ++i) {
      try {
        load(*sink, schema, request_for("p" + std::to_string(i)), one_batch(i, 50));
        ++committed;
      } catch (const etl::Error& error) {
        EXPECT_EQ(error.code(), Code::conflict) << error.message();
        ++conflicts;
      }
    }
  };
  std::thread other(run);
  run();
  other.join();
  EXPECT_EQ(committed, partitions);
  EXPECT_EQ(conflicts, partitions);
  EXPECT_EQ(value("SELECT count(*), count(DISTINCT part) FROM t"), "1000|20");
  EXPECT_EQ(value("SELECT count(*) FROM etl_ledger WHERE state = 'done'"), "20");
}

TEST_F(Concurrency, ThreadsOfOneSinkTakeTurns) {
  options_.busy_timeout_ms = 0;  // so that nothing but the sink itself makes them wait
  const auto sink = prepared();
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 10; ++i) {
        const int part = thread * 10 + i;
        if (i % 2 == 0)
          load(*sink, schema, request_for("p" + std::to_string(part)), one_batch(part, 20));
        else sink->record(record_for("p" + std::to_string(part), 0, etl::State::failed));
        (void)sink->committed("pipe", "db");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(value("SELECT count(*) FROM t"), "400");
  EXPECT_EQ(value("SELECT sum(state = 'done'), sum(state = 'failed') FROM etl_ledger"), "20|20");
}

TEST_F(Concurrency, RecordWaitsForAnOpenWriter) {
  options_.busy_timeout_ms = 0;
  const auto sink = prepared();
  std::thread other;
  {
    auto writer = sink->open(request_for("a"), schema);
    writer.write(rows_of(1, 10));
    other =
        std::thread([&] { EXPECT_NO_THROW(sink->record(record_for("b", 0, etl::State::failed))); });
    std::this_thread::sleep_for(milliseconds(100));
    EXPECT_EQ(sink->committed("pipe", "db").size(), 0U);
    writer.commit(record_for("a", 10));
  }
  other.join();
  EXPECT_EQ(value("SELECT group_concat(partition || ' ' || state) FROM etl_ledger"),
            "'a done,b failed'");
}

TEST_F(Concurrency, WaitingForAnOpenWriterEndsWhenTheHostAsksTo) {
  const auto sink = prepared();
  const auto writer = sink->open(request_for("a"), schema);
  std::thread other([&] {
    EXPECT_EQ(error_of([&] { sink->record(record_for("b", 0, etl::State::failed)); }).code(),
              Code::cancelled);
    EXPECT_EQ(error_of([&] { (void)sink->open(request_for("c"), schema); }).code(),
              Code::cancelled);
  });
  std::this_thread::sleep_for(milliseconds(20));
  host_.cancel();
  other.join();
}

TEST_F(Concurrency, ALockedDatabaseIsWaitedForAndThenATransientError) {
  options_.busy_timeout_ms = 50;
  const auto sink = prepared();
  PlainDatabase other(options_.path);
  other.run("BEGIN IMMEDIATE");
  for (const auto& action : std::vector<std::function<void()>>{
           [&] { (void)sink->open(request_for("a"), schema); },
           [&] { sink->record(record_for("b", 0, etl::State::failed)); }}) {
    const auto error = error_of(action);
    EXPECT_EQ(error.code(), Code::transient);
    expect_contains(error.message(), {options_.path, "locked", "SQLITE_BUSY"});
  }
  other.run("COMMIT");
  load(*sink, schema, request_for("a"), one_batch(1, 5));
  EXPECT_EQ(value("SELECT count(*) FROM t"), "5");
}

TEST_F(Concurrency, ALockThatGoesAwayDoesNoHarm) {
  const auto sink = prepared();
  PlainDatabase other(options_.path);
  other.run("BEGIN IMMEDIATE");
  std::thread release([&] {
    std::this_thread::sleep_for(milliseconds(100));
    other.run("COMMIT");
  });
  EXPECT_NO_THROW(load(*sink, schema, request_for("a"), one_batch(1, 5)));
  release.join();
}

TEST_F(Concurrency, WaitingForALockEndsWhenTheHostAsksTo) {
  const auto sink = prepared();
  PlainDatabase other(options_.path);
  other.run("BEGIN IMMEDIATE");
  std::thread stop([&] {
    std::this_thread::sleep_for(milliseconds(50));
    host_.cancel();
  });
  EXPECT_EQ(error_of([&] { (void)sink->open(request_for("a"), schema); }).code(), Code::cancelled);
  stop.join();
}

TEST_F(Concurrency, ALongWriteStopsWhenTheHostAsksTo) {
  const auto sink = prepared();
  {
    auto writer = sink->open(request_for("a"), schema);
    writer.write(rows_of(1, 10));
    etl::Batch batch = rows_of(1, 100000);
    host_.cancel_after(3);  // some thousand rows later
    EXPECT_EQ(error_of([&] { writer.write(std::move(batch)); }).code(), Code::cancelled);
    host_.carry_on();
    EXPECT_EQ(error_of([&] { writer.commit(record_for("a", 10)); }).code(), Code::internal);
  }
  EXPECT_EQ(value("SELECT count(*) FROM t"), "0");
  load(*sink, schema, request_for("a"), one_batch(1, 5));
  EXPECT_EQ(value("SELECT count(*) FROM t"), "5");
}

TEST_F(Concurrency, AStoppedRunDoesNotCommit) {
  const auto sink = prepared();
  {
    auto writer = sink->open(request_for("a"), schema);
    writer.write(rows_of(1, 10));
    host_.cancel();
    EXPECT_EQ(error_of([&] { writer.commit(record_for("a", 10)); }).code(), Code::cancelled);
  }
  EXPECT_EQ(value("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM etl_ledger)"), "0|0");
}

// With a rollback journal a reader blocks commits; with a write-ahead log it does not.
TEST_F(Concurrency, ACommitThatAReaderHoldsUpIsRolledBack) {
  options_.busy_timeout_ms = 50;
  PlainDatabase(options_.path).run("CREATE TABLE unrelated (x)");
  const auto sink = prepared();
  {
    PlainDatabase reader(options_.path);
    reader.run("BEGIN; SELECT * FROM t");
    const auto error = error_of([&] { load(*sink, schema, request_for("a"), one_batch(1, 5)); });
    EXPECT_EQ(error.code(), Code::transient);
    expect_contains(error.message(),
                    {"while committing partition a in " + options_.path, "SQLITE_BUSY"});
  }
  EXPECT_EQ(value("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM etl_ledger)"), "0|0");
  load(*sink, schema, request_for("a"), one_batch(1, 5));
  EXPECT_EQ(value("SELECT count(*) FROM t"), "5");
}

TEST_F(Concurrency, ReadersOfALoadedFileNeitherWaitNorHoldUp) {
  options_.busy_timeout_ms = 0;
  const auto sink = prepared();
  load(*sink, schema, request_for("a"), one_batch(1, 5));
  PlainDatabase reader(options_.path);
  reader.run("BEGIN; SELECT * FROM t");
  load(*sink, schema, request_for("b"), one_batch(2, 3));
  EXPECT_EQ(reader.value("SELECT count(*) FROM t"), "5");
  EXPECT_EQ(value("SELECT count(*) FROM t"), "8");
}

/// Loads one partition, and is killed while it writes the next, after more rows than the page cache
/// holds.
void load_and_be_killed(const SinkOptions& options, const FakeHost& host) {
  const auto sink = options.make(host.context());
  load(*sink, schema, request_for("whole"), one_batch(1, 10));
  auto writer = sink->open(request_for("half"), schema);
  etl::BatchBuilder builder(schema);
  const std::string text(4000, 'x');
  for (int i = 0; i < 8000; ++i) builder.row(2, text);
  writer.write(builder.finish());
  raise(SIGKILL);
}

TEST_F(Concurrency, NothingIsLostOrHalfThereAfterAKill) {
  for (const char* mode : {"delete", "wal"}) {
    options_.path = folder_.file(std::string("kill-") + mode + ".db");
    PlainDatabase(options_.path)
        .run("PRAGMA journal_mode = " + std::string(mode) + "; CREATE TABLE unrelated (x)");
    prepared();
    const pid_t child = fork();
    ASSERT_NE(child, -1);
    if (child == 0) {
      load_and_be_killed(options_, host_);
      _exit(1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    const std::string journal = options_.path + (mode == std::string("wal") ? "-wal" : "-journal");
    ASSERT_GT(std::filesystem::file_size(journal), 0U)
        << "the kill came too early to prove anything";

    const auto sink = options_.make(host_.context());
    const auto records = sink->committed("pipe", "db");
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].partition, "whole");
    EXPECT_EQ(value("SELECT count(*), max(part) FROM t"), "10|1");
    load(*sink, schema, request_for("half"), one_batch(2, 30));
    EXPECT_EQ(value("SELECT count(*), max(part) FROM t"), "40|2");
    EXPECT_EQ(value("PRAGMA integrity_check"), "'ok'");
  }
}

}  // namespace
