#include "first_load.hpp"

#include "support.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace {

using namespace sqlite_tests;
using sqlite::awaits_first_load;
using sqlite::Database;

const Schema schema{{"part", Type::int32}, {"text", Type::utf8}};

/// About `megabytes` of rows, a megabyte a batch; 16 of them are more than the page cache holds.
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
  for (etl::Batch& batch : rows_of(1, 20)) writer.write(std::move(batch));
  EXPECT_THROW((void)value("SELECT count(*) FROM t"), std::runtime_error) << "it is locked";
  const auto other = options_.make(host_.context());
  EXPECT_EQ(other->committed("pipe", "db").size(), 0U);
  EXPECT_EQ(other->running("pipe", "db").size(), 0U);
  EXPECT_EQ(other->inspect(schema).ddl, "") << "the tables are there";
  writer.commit(record_for("a", 5000));
  EXPECT_EQ(other->committed("pipe", "db").size(), 1U);
}

/// Whoever marks a file that is loaded, by hand, hides nothing with it.
TEST_F(FirstLoad, AMarkAloneHidesNothing) {
  const auto sink = prepared();
  load(*sink, schema, request_for("a"), rows_of(1, 1));
  PlainDatabase(options_.path).run("PRAGMA application_id = 0x65746C30");
  EXPECT_EQ(options_.make(host_.context())->committed("pipe", "db").size(), 1U);
  PlainDatabase(options_.path).run("PRAGMA journal_mode = DELETE");
  EXPECT_TRUE(awaits_first_load(options_.path));
  EXPECT_EQ(options_.make(host_.context())->committed("pipe", "db").size(), 1U);
  EXPECT_EQ(error_of([&] {
              load(*options_.make(host_.context()), schema, request_for("a"), rows_of(1, 1));
            }).code(),
            Code::conflict);
}

TEST_F(FirstLoad, OfTwoSinksIsFollowedByTheOthersLoad) {
  const auto sink = prepared();
  auto writer = sink->open(request_for("a"), schema);
  for (etl::Batch& batch : rows_of(1, 20)) writer.write(std::move(batch));
  std::thread other([&] {
    const auto second = prepared();
    load(*second, schema, request_for("b"), rows_of(2, 1));
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  writer.commit(record_for("a", 5000));
  other.join();
  expect_loaded();
  EXPECT_EQ(value("SELECT count(*), count(DISTINCT part) FROM t"), "5250|2");
}

/// Killed when part of the rows are in the file, or, with one megabyte, still in memory.
TEST_F(FirstLoad, LeavesNothingWhenItIsKilled) {
  for (const int megabytes : {1, 40}) {
    options_.path = folder_.file(std::to_string(megabytes) + ".db");
    prepared();
    const pid_t child = fork();
    ASSERT_NE(child, -1);
    if (child == 0) {
      const auto sink = options_.make(host_.context());
      auto writer = sink->open(request_for("a"), schema);
      for (etl::Batch& batch : rows_of(1, megabytes)) writer.write(std::move(batch));
      raise(SIGKILL);
      _exit(1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
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
