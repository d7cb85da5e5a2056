#include "plugins/sqlite/database/database.hpp"

#include "support.hpp"

#include <fstream>

namespace {

using etl::Code;
using sqlite::Database;
using sqlite::Statement;
using namespace sqlite_tests;

class DatabaseTest : public testing::Test {
 protected:
  [[nodiscard]] sqlite::ConnectionOptions options(const std::string& name) const {
    return {folder_.file(name), etl::Duration(20), host_.context()};
  }

  TemporaryFolder folder_;
  FakeHost host_;
};

TEST_F(DatabaseTest, LeavesTheJournalOfAnExistingFileAlone) {
  for (const std::string mode : {"delete", "wal"}) {
    const std::string path = folder_.file(mode + ".db");
    PlainDatabase(path).run("PRAGMA journal_mode = " + mode + "; CREATE TABLE x (y)");
    Database database({path, etl::Duration(20), host_.context()}, Database::Access::create);
    EXPECT_EQ(database.pragma("synchronous"), "3") << "a commit is on disk, with either journal";
    EXPECT_EQ(PlainDatabase(path).value("PRAGMA journal_mode"), "'" + mode + "'");
  }
}

TEST_F(DatabaseTest, ClosingRollsBack) {
  {
    Database database(options("a.db"), Database::Access::create);
    database.execute("CREATE TABLE x (y)", "testing");
    database.begin("testing");
    database.execute("INSERT INTO x VALUES (1)", "testing");
  }
  EXPECT_EQ(PlainDatabase(folder_.file("a.db")).value("SELECT count(*) FROM x"), "0");
}

TEST_F(DatabaseTest, WritesNothingWhenOpenedToRead) {
  PlainDatabase(folder_.file("a.db")).run("CREATE TABLE x (y)");
  Database database(options("a.db"), Database::Access::read);
  const auto error =
      error_of([&] { database.execute("INSERT INTO x VALUES (1)", "trying to write"); });
  EXPECT_EQ(error.code(), Code::permanent);
  expect_contains(error.message(),
                  {"while trying to write in " + folder_.file("a.db"), "SQLITE_READONLY"});
}

TEST_F(DatabaseTest, DoesNotMakeAFileThatItIsToRead) {
  for (const auto access : {Database::Access::read, Database::Access::write}) {
    const auto error = error_of([&] { Database(options("none.db"), access); });
    EXPECT_EQ(error.code(), Code::transient);
    expect_contains(error.message(), {folder_.file("none.db"), "SQLITE_CANTOPEN", "No such file"});
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.file("none.db")));
}

TEST_F(DatabaseTest, RefusesAFileThatIsNoDatabase) {
  std::ofstream(folder_.file("small.txt")) << "id,name\n";
  std::ofstream(folder_.file("large.txt")) << std::string(100000, 'x');
  for (const char* name : {"small.txt", "large.txt"}) {
    for (const auto access : {Database::Access::read, Database::Access::create}) {
      const auto error = error_of([&] { Database(options(name), access); });
      EXPECT_EQ(error.code(), Code::config);
      EXPECT_EQ(error.option(), "path");
      expect_contains(error.message(), {folder_.file(name), "not an SQLite database"});
    }
  }
}

TEST_F(DatabaseTest, KeepsNulCharactersAndEmptyTexts) {
  Database database(options("a.db"), Database::Access::create);
  Statement query(database, "SELECT ?1, ?2, ?3, typeof(?2)", "asking");
  query.bind(std::string_view("a\0b", 3), std::string_view(), std::int64_t{-5});
  ASSERT_TRUE(query.step());
  EXPECT_EQ(query.text(0), std::string_view("a\0b", 3));
  EXPECT_FALSE(query.null(1));
  EXPECT_EQ(query.integer(2), -5);
  EXPECT_EQ(query.text(3), "text");
  EXPECT_FALSE(query.step());
}

TEST_F(DatabaseTest, StatementCanBeUsedAgainAfterAnError) {
  Database database(options("a.db"), Database::Access::create);
  database.execute("CREATE TABLE x (y PRIMARY KEY)", "testing");
  Statement insert(database, "INSERT INTO x VALUES (?1)", "adding a row");
  insert.bind("a").run();
  const auto error = error_of([&] { insert.bind("a").run(); });
  EXPECT_EQ(error.code(), Code::permanent);
  expect_contains(error.message(), {"while adding a row", "UNIQUE constraint failed: x.y"});
  insert.bind("b").run();
  EXPECT_EQ(PlainDatabase(folder_.file("a.db")).value("SELECT count(*) FROM x"), "2");
}

TEST_F(DatabaseTest, StopsAStatementWhenTheHostAsksTo) {
  Database database(options("a.db"), Database::Access::create);
  Statement endless(
      database,
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
      "counting for ever");
  host_.cancel_after(3);
  EXPECT_EQ(error_of([&] { endless.step(); }).code(), Code::cancelled);
}

}  // namespace
