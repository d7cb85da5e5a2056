#include "plugins/sqlite/database/first_load.hpp"

#include "support.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string_view>
#include <thread>

namespace {

using namespace sqlite_tests;
using sqlite::awaits_first_load;
using sqlite::Database;
using sqlite::LoadTransaction;

const Schema schema{{"part", Type::int32}, {"text", Type::utf8}};

/// About `megabytes` MB of rows, 1 MB per batch; 16 MB are more than the page cache holds.
std::vector<etl::Batch> rows_of(int part, int megabytes) {
  std::vector<etl::Batch> batches;
  const std::string text(4000, 'x');
  for (int i = 0; i < megabytes; ++i) {
    etl::BatchBuilder builder(schema);
    for (int row = 0; row < 250; ++row) builder.row(part, text);
    batches.push_back(builder.finish());
  }
  return batches;
}

class FirstLoad : public testing::Test {
 protected:
  std::unique_ptr<sqlite::SqliteSink> prepared() {
    auto sink = options_.make(host_.context());
    sink->prepare(schema);
    return sink;
  }
  [[nodiscard]] std::string value(const std::string& sql) const {
    return PlainDatabase(options_.path).value(sql);
  }
  void expect_loaded() {
    EXPECT_EQ(value("PRAGMA journal_mode"), "'wal'");
    EXPECT_EQ(value("PRAGMA application_id"), "0");
    EXPECT_EQ(value("PRAGMA page_size"), "32768");
    EXPECT_FALSE(awaits_first_load(options_.path));
  }

  TemporaryFolder folder_;
  FakeHost host_;
  SinkOptions options_{folder_.file("new.db")};
};

TEST_F(FirstLoad, GivesTheFileAWriteAheadLog) {
  EXPECT_FALSE(awaits_first_load(options_.path)) << "there is no file";
  const auto sink = prepared();
  EXPECT_TRUE(awaits_first_load(options_.path));
  EXPECT_EQ(value("PRAGMA journal_mode"), "'delete'");
  {
    auto writer = sink->open(request_for("a"), schema);
    for (etl::Batch& batch : rows_of(1, 20)) writer.write(std::move(batch));
    EXPECT_TRUE(std::filesystem::exists(options_.path + "-journal"));
    EXPECT_FALSE(std::filesystem::exists(options_.path + "-wal"));
    EXPECT_TRUE(awaits_first_load(options_.path));
    writer.commit(record_for("a", 5000));
  }
  expect_loaded();
  EXPECT_EQ(value("SELECT count(*), count(DISTINCT part) FROM t"), "5000|1");
  {
    auto writer = sink->open(request_for("b"), schema);
    for (etl::Batch& batch : rows_of(2, 1)) writer.write(std::move(batch));
    EXPECT_TRUE(std::filesystem::exists(options_.path + "-wal"));
    EXPECT_FALSE(std::filesystem::exists(options_.path + "-journal"));
    writer.commit(record_for("b", 250));
  }
  EXPECT_EQ(value("SELECT count(*) FROM etl_ledger"), "2");
}

TEST_F(FirstLoad, LeavesNoFileBesideTheDatabase) {
  load(*prepared(), schema, request_for("a"), rows_of(1, 20));
  for (const auto& file : std::filesystem::directory_iterator(folder_.path()))
    EXPECT_EQ(file.path(), options_.path);
}

TEST_F(FirstLoad, IsAnyRowOfTheLedger) {
  prepared()->record(record_for("a", 0, etl::State::missing));
  expect_loaded();
}

TEST_F(FirstLoad, MayBeAMerge) {
  SinkOptions task{folder_.file("task.db")};
  const auto from = task.make(host_.context());
  from->prepare(schema);
  load(*from, schema, request_for("a"), rows_of(1, 2));
  const etl::MergeRequest request{"pipe", "db", {{"src", {"a", "file:///a", -1, {}}}}};
  EXPECT_EQ(prepared()->merge(*from, request, schema), 500);
  expect_loaded();
  EXPECT_EQ(value("SELECT count(*) FROM t"), "500");
}

TEST_F(FirstLoad, IsStillToComeAfterOneThatWasRolledBack) {
  const auto sink = prepared();
  {
    auto writer = sink->open(request_for("a"), schema);
    for (etl::Batch& batch : rows_of(1, 20)) writer.write(std::move(batch));
  }
  EXPECT_TRUE(awaits_first_load(options_.path));
  EXPECT_EQ(value("SELECT count(*) FROM t"), "0");
  load(*sink, schema, request_for("a"), rows_of(1, 1));
  expect_loaded();
  EXPECT_EQ(value("SELECT count(*) FROM t"), "250");
}

TEST_F(FirstLoad, IsNothingForAFileOfSomebodyElse) {
  PlainDatabase(options_.path).run("PRAGMA application_id = 42; CREATE TABLE unrelated (x)");
  const auto sink = prepared();
  EXPECT_FALSE(awaits_first_load(options_.path));
  load(*sink, schema, request_for("a"), rows_of(1, 1));
  EXPECT_EQ(value("PRAGMA journal_mode"), "'delete'");
  EXPECT_EQ(value("PRAGMA application_id"), "42");
}

TEST_F(FirstLoad, KeepsNobodyWaitingWhoAsksForTheLedger) {
  options_.busy_timeout_ms = 600000;
  const auto sink = prepared();
  auto writer = sink->open(request_for("a"), schema);
  for (etl::Batch& batch : rows_of(1, 1)) writer.write(std::move(batch));
  EXPECT_THROW((void)value("SELECT count(*) FROM t"), std::runtime_error) << "it is locked";
  const auto other = options_.make(host_.context());
  EXPECT_EQ(other->committed("pipe", "db").size(), 0U);
  EXPECT_EQ(other->running("pipe", "db").size(), 0U);
  expect_contains(other->inspect(schema).name, {options_.path, "locked by its first load"});
  writer.commit(record_for("a", 250));
  EXPECT_EQ(other->committed("pipe", "db").size(), 1U);
}

TEST_F(FirstLoad, IsWaitedForHoweverLongByThoseWhoPrepare) {
  options_.busy_timeout_ms = 1;
  const auto sink = prepared();
  auto writer = sink->open(request_for("a"), schema);
  std::atomic<bool> through = false;
  std::thread other([&] {
    EXPECT_NO_THROW(prepared());
    through = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // an opening waits for a second
  EXPECT_FALSE(through);
  writer.commit(record_for("a", 0));
  other.join();
}

TEST_F(FirstLoad, IsNotWaitedForByThoseWhoAreToStop) {
  const auto sink = prepared();
  const auto writer = sink->open(request_for("a"), schema);
  FakeHost stopped;
  std::thread stop([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    stopped.cancel();
  });
  EXPECT_EQ(error_of([&] { options_.make(stopped.context())->prepare(schema); }).code(),
            Code::cancelled);
  stop.join();
}

/// Once, before it has read anything; not each time that the cache is full.
TEST_F(FirstLoad, WaitsForAReaderBeforeItBegins) {
  options_.busy_timeout_ms = 50;
  const auto sink = prepared();
  {
    PlainDatabase reader(options_.path);
    reader.run("BEGIN; SELECT * FROM t");
    const auto error = error_of([&] { (void)sink->open(request_for("a"), schema); });
    EXPECT_EQ(error.code(), Code::transient);
    expect_contains(error.message(), {"waiting to write", options_.path, "SQLITE_BUSY"});
  }
  load(*sink, schema, request_for("a"), rows_of(1, 1));
  expect_loaded();
}

/// Marking a loaded file by hand hides nothing.
TEST_F(FirstLoad, AMarkAloneHidesNothing) {
  load(*prepared(), schema, request_for("a"), rows_of(1, 1));
  PlainDatabase(options_.path).run("PRAGMA application_id = 0x65746C30");
  EXPECT_FALSE(awaits_first_load(options_.path)) << "it has a log";
  PlainDatabase(options_.path).run("PRAGMA journal_mode = DELETE");
  EXPECT_TRUE(awaits_first_load(options_.path));
  EXPECT_EQ(options_.make(host_.context())->committed("pipe", "db").size(), 1U);
  EXPECT_EQ(error_of([&] {
              load(*options_.make(host_.context()), schema, request_for("a"), rows_of(1, 1));
            }).code(),
            Code::conflict);
}

TEST_F(FirstLoad, TakesTheMarkFromAFileThatHasALogAlready) {
  prepared();
  PlainDatabase(options_.path).run("PRAGMA journal_mode = WAL");
  load(*options_.make(host_.context()), schema, request_for("a"), rows_of(1, 1));
  expect_loaded();
}

/// A connection opened before another one's first load.
TEST_F(FirstLoad, OfAnotherIsSeenByAnOpenConnection) {
  const sqlite::ConnectionOptions connection{options_.path, etl::Duration(1000), host_.context()};
  prepared();
  Database early(connection, Database::Access::write);
  load(*options_.make(host_.context()), schema, request_for("a"), rows_of(1, 1));
  LoadTransaction second(early, "testing");
  EXPECT_TRUE(early.pragma("journal_mode") == "wal");
  early.execute("INSERT INTO t VALUES (2, 'x')", "testing");
  second.commit("testing");
  expect_loaded();
  EXPECT_EQ(value("SELECT count(*) FROM t"), "251");
}

/// Runs `action` in a child process, which exits with 0 unless it throws or is killed.
pid_t start_child(const std::function<void()>& action) {
  const pid_t child = fork();
  if (child != 0) return child;
  try {
    action();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    _exit(1);
  }
  _exit(0);
}

int status_of(pid_t child) {
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

TEST_F(FirstLoad, OfSeveralProcessesIsOne) {
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(start_child(
        [&] { load(*prepared(), schema, request_for("p" + std::to_string(i)), rows_of(i, 3)); }));
  }
  for (const pid_t child : children) EXPECT_EQ(status_of(child), 0);
  expect_loaded();
  EXPECT_EQ(value("SELECT count(*), count(DISTINCT part) FROM t"), "3000|4");
  EXPECT_EQ(value("SELECT count(*) FROM etl_ledger WHERE state = 'done'"), "4");
}

TEST_F(FirstLoad, ThatIsKilledBeforeTheFileHasALogIsMadeUpFor) {
  const sqlite::ConnectionOptions connection{options_.path, etl::Duration(1000), host_.context()};
  prepared();
  const int status = status_of(start_child([&] {
    Database database(connection, Database::Access::write);
    LoadTransaction first(database, "testing");
    database.execute("INSERT INTO t VALUES (1, 'x')", "testing");
    const auto kill_at_the_change = [](unsigned, void*, void*, void* sql) {
      const std::string_view text(static_cast<const char*>(sql));
      if (text.find("journal_mode = WAL") != std::string_view::npos) raise(SIGKILL);
      return 0;
    };
    sqlite3_trace_v2(database.handle(), SQLITE_TRACE_STMT, kill_at_the_change, nullptr);
    first.commit("testing");
  }));
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_EQ(value("SELECT count(*) FROM t"), "1");
  EXPECT_EQ(value("PRAGMA journal_mode"), "'delete'");
  EXPECT_FALSE(awaits_first_load(options_.path));
  load(*options_.make(host_.context()), schema, request_for("b"), rows_of(1, 1));
  expect_loaded();
  EXPECT_EQ(value("SELECT count(*) FROM t"), "251");
}

/// Killed with part of the rows in the file or, with 1 MB, all of them in memory.
TEST_F(FirstLoad, LeavesNothingWhenItIsKilled) {
  for (const int megabytes : {1, 40}) {
    options_.path = folder_.file(std::to_string(megabytes) + ".db");
    prepared();
    const int status = status_of(start_child([&] {
      const auto sink = options_.make(host_.context());
      auto writer = sink->open(request_for("a"), schema);
      for (etl::Batch& batch : rows_of(1, megabytes)) writer.write(std::move(batch));
      raise(SIGKILL);
    }));
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    if (megabytes > 16) {
      ASSERT_GT(std::filesystem::file_size(options_.path), 10U << 20)
          << "the kill came too early to prove anything";
    }
    EXPECT_TRUE(awaits_first_load(options_.path));
    EXPECT_EQ(options_.make(host_.context())->committed("pipe", "db").size(), 0U);
    EXPECT_EQ(value("SELECT count(*) FROM t"), "0");
    load(*options_.make(host_.context()), schema, request_for("a"), rows_of(1, 1));
    expect_loaded();
    EXPECT_EQ(value("SELECT count(*) FROM t"), "250");
    EXPECT_EQ(value("PRAGMA integrity_check"), "'ok'");
  }
}

}  // namespace
