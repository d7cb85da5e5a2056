#include "plugins/sqlite/database/checkpointer.hpp"

#include "support.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

namespace {

using namespace sqlite_tests;
using sqlite::Checkpointer;
using sqlite::Database;

class CheckpointerTest : public testing::Test {
 protected:
  CheckpointerTest() {
    PlainDatabase(options_.path).run("PRAGMA journal_mode = WAL; CREATE TABLE t (x)");
    writer_.emplace(options_, Database::Access::write);
  }

  /// Commits 1 MB in pages of 4 KiB, which adds more than that to the log.
  void commit_a_megabyte() {
    writer_->begin("testing");
    writer_->execute("INSERT INTO t SELECT zeroblob(1000000)", "testing");
    writer_->commit("testing");
  }
  [[nodiscard]] std::uintmax_t file_bytes() const {
    return std::filesystem::file_size(options_.path);
  }
  [[nodiscard]] std::uintmax_t log_bytes() const {
    return std::filesystem::file_size(options_.path + "-wal");
  }

  TemporaryFolder folder_;
  FakeHost host_;
  sqlite::ConnectionOptions options_{folder_.file("c.db"), etl::Duration(1000), host_.context()};
  std::optional<Database> writer_;
};

TEST_F(CheckpointerTest, CopiesWhileTheConnectionGoesOn) {
  {
    const Checkpointer checkpointer(*writer_, options_, {2 << 20, 1 << 30});
    commit_a_megabyte();
    EXPECT_LT(file_bytes(), 100000U) << "not worth it yet";
    commit_a_megabyte();
    commit_a_megabyte();
    writer_->begin("testing");  // in the middle of a transaction
    for (int i = 0; i < 1000 && file_bytes() < 3000000U; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_GE(file_bytes(), 3000000U);
  }
  writer_.reset();
  EXPECT_EQ(PlainDatabase(options_.path).value("SELECT count(*), sum(length(x)) FROM t"),
            "3|3000000");
}

TEST_F(CheckpointerTest, ALongLogIsWaitedForAndBeginsAnew) {
  const Checkpointer checkpointer(*writer_, options_, {1 << 20, 4 << 20});
  for (int i = 0; i < 50; ++i) {
    commit_a_megabyte();
    ASSERT_LT(log_bytes(), 8U << 20U) << i;
  }
  EXPECT_EQ(PlainDatabase(options_.path).value("SELECT count(*) FROM t"), "50");
}

/// One of two connections always writes when the other has just copied.
TEST_F(CheckpointerTest, SeveralWritersKeepALongLogShortTogether) {
  options_.busy_timeout = etl::Duration(60000);
  std::atomic<std::uintmax_t> longest = 0;
  const auto write = [&] {
    Database database(options_, Database::Access::write);
    const Checkpointer checkpointer(database, options_, {1 << 20, 4 << 20});
    for (int i = 0; i < 60; ++i) {
      database.begin("testing");
      database.execute("INSERT INTO t SELECT zeroblob(1000000)", "testing");
      database.commit("testing");
      longest = std::max(longest.load(), log_bytes());
    }
  };
  std::thread other(write);
  write();
  other.join();
  EXPECT_LT(longest, 40U << 20U);
  EXPECT_EQ(PlainDatabase(options_.path).value("SELECT count(*) FROM t"), "120");
}

/// A reader of older pages stops checkpoints from copying more of the log; commits do not wait for
/// it.
TEST_F(CheckpointerTest, AReaderHoldsNobodyUp) {
  const Checkpointer checkpointer(*writer_, options_, {1 << 20, 4 << 20});
  commit_a_megabyte();
  PlainDatabase reader(options_.path);
  reader.run("BEGIN; SELECT * FROM t");
  for (int i = 0; i < 10; ++i) commit_a_megabyte();
  EXPECT_EQ(reader.value("SELECT count(*) FROM t"), "1");
  EXPECT_EQ(PlainDatabase(options_.path).value("SELECT count(*) FROM t"), "11");
  reader.run("COMMIT");
  for (int i = 0; i < 10; ++i) commit_a_megabyte();
  EXPECT_LT(log_bytes(), 17U << 20U) << "it began anew";
  EXPECT_EQ(PlainDatabase(options_.path).value("SELECT count(*) FROM t"), "21");
}

TEST_F(CheckpointerTest, PagesThatCannotBeCopiedStayInTheLogAndAreReportedOnce) {
  sqlite::ConnectionOptions nowhere = options_;
  nowhere.path = folder_.file("none.db");
  const Checkpointer checkpointer(*writer_, nowhere, {1 << 20, 2 << 20});
  for (int i = 0; i < 5; ++i) commit_a_megabyte();
  EXPECT_LT(file_bytes(), 100000U);
  ASSERT_EQ(host_.messages().size(), 1U);
  expect_contains(host_.messages()[0], {"write-ahead log of " + nowhere.path, "keeps growing"});
  EXPECT_EQ(PlainDatabase(options_.path).value("SELECT count(*) FROM t"), "5");
}

TEST_F(CheckpointerTest, HasNothingToDoWithoutALog) {
  writer_.reset();
  PlainDatabase(options_.path).run("PRAGMA journal_mode = DELETE");
  writer_.emplace(options_, Database::Access::write);
  const Checkpointer checkpointer(*writer_, options_, {1, 1});
  commit_a_megabyte();
  EXPECT_EQ(PlainDatabase(options_.path).value("SELECT count(*) FROM t"), "1");
}

}  // namespace
