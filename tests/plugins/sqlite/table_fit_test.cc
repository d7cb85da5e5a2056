#include "support.hpp"

namespace {

using namespace sqlite_tests;

const Schema schema{{"hour", Type::timestamp_s}, {"title", Type::utf8}, {"views", Type::int64},
                    {"rate", Type::float64},     {"raw", Type::binary}, {"ok", Type::boolean}};
const std::string fitting = "hour TEXT, title TEXT, views INTEGER, rate REAL, raw BLOB, ok INTEGER";

std::string table_of(const std::string& rest) { return "CREATE TABLE t (" + rest; }

/// Inspects and prepares table t of a file that set_up() has created.
class TableFit : public testing::Test {
 protected:
  void set_up(const std::string& sql) {
    std::filesystem::remove(options_.path);
    PlainDatabase(options_.path).run(sql);
  }
  /// The refusal's message, the same from inspect() and prepare().
  std::string refusal() {
    const auto sink = options_.make(host_.context());
    const auto inspected = error_of([&] { (void)sink->inspect(schema); });
    const auto prepared = error_of([&] { sink->prepare(schema); });
    EXPECT_EQ(inspected.code(), Code::config);
    EXPECT_EQ(inspected.option(), "table");
    EXPECT_EQ(prepared.code(), Code::config);
    EXPECT_EQ(inspected.message(), prepared.message());
    expect_contains(inspected.message(), {"\"t\"", options_.path});
    return inspected.message();
  }
  void expect_fits() {
    const auto sink = options_.make(host_.context());
    EXPECT_EQ(sink->inspect(schema).ddl, "");
    EXPECT_NO_THROW(sink->prepare(schema));
  }

  TemporaryFolder folder_;
  FakeHost host_;
  SinkOptions options_{folder_.file("fit.db")};
};

TEST_F(TableFit, TakesWhatKeepsTheValues) {
  for (const std::string& columns :
       {fitting,
        std::string("HOUR DATETIME, Title VARCHAR(10), views BIGINT, rate DOUBLE PRECISION, raw, "
                    "ok BOOLEAN"),
        std::string("ok, raw, rate, views, title, hour"),
        fitting + ", id INTEGER PRIMARY KEY NOT NULL", fitting + ", note TEXT NOT NULL DEFAULT ''",
        fitting + ", note TEXT", fitting + ", twice INTEGER NOT NULL AS (views * 2)"}) {
    set_up("CREATE TABLE t (" + columns + ")");
    expect_fits();
  }
  set_up("CREATE TABLE T (" + fitting + ") STRICT");
  expect_fits();
}

TEST_F(TableFit, NamesEveryColumnThatDoesNotFit) {
  set_up(
      "CREATE TABLE t (title INTEGER, views TEXT, rate NUMERIC, raw TEXT, ok REAL, who TEXT NOT "
      "NULL, x NOT NULL)");
  const std::string message = refusal();
  expect_contains(
      message,
      {"\"hour\" is missing (needed: TEXT for timestamp[s])",
       "\"title\" is INTEGER (needed: TEXT for utf8)",
       "\"views\" is TEXT (needed: INTEGER for int64)",
       "\"rate\" is NUMERIC (needed: REAL for double)", "\"raw\" is TEXT (needed: BLOB for binary)",
       "\"ok\" is REAL (needed: INTEGER for bool)", "\"who\" is TEXT NOT NULL without a default",
       "\"x\" is NOT NULL without a default"});
}

TEST_F(TableFit, WantsIntegersForUnixTimestamps) {
  set_up("CREATE TABLE t (" + fitting + ")");
  options_.timestamps = "unix";
  expect_contains(refusal(), {"\"hour\" is TEXT (needed: INTEGER for timestamp[s])"});
}

TEST_F(TableFit, RefusesGeneratedColumns) {
  set_up("CREATE TABLE t (" + fitting.substr(0, fitting.find(", ok")) +
         ", ok INTEGER AS (views > 0))");
  expect_contains(refusal(), {"\"ok\" is generated"});
}

TEST_F(TableFit, RefusesWhatIsNoTable) {
  set_up("CREATE VIEW t AS SELECT 1");
  expect_contains(refusal(), {"a view"});
  set_up("CREATE TABLE other (x); CREATE INDEX t ON other (x)");
  expect_contains(refusal(), {"an index"});
  set_up("CREATE VIRTUAL TABLE t USING fts5 (title)");
  expect_contains(refusal(), {"a virtual table"});
}

TEST_F(TableFit, UpsertNeedsAUniqueIndexOnExactlyTheKey) {
  options_.mode = "upsert";
  options_.key = {"title", "hour"};
  for (const std::string tail :
       {", PRIMARY KEY (hour, title))", ", PRIMARY KEY (hour, title)) WITHOUT ROWID",
        ", UNIQUE (title, hour))", "); CREATE UNIQUE INDEX u ON t (Hour, TITLE)"}) {
    set_up(table_of(fitting + tail));
    expect_fits();
  }
  for (const std::string tail :
       {")", ", PRIMARY KEY (hour))", ", PRIMARY KEY (hour, title, views))",
        "); CREATE INDEX u ON t (hour, title)",
        "); CREATE UNIQUE INDEX u ON t (hour, title) WHERE views > 0",
        "); CREATE UNIQUE INDEX u ON t (hour, lower(title))"}) {
    set_up(table_of(fitting + tail));
    expect_contains(refusal(),
                    {"no PRIMARY KEY or UNIQUE index on exactly the key (\"title\", \"hour\")"});
  }
}

TEST_F(TableFit, UpsertTakesTheRowsNumberForAKey) {
  options_.mode = "upsert";
  options_.key = {"views"};
  set_up(
      "CREATE TABLE t (hour TEXT, title TEXT, views INTEGER PRIMARY KEY, rate REAL, raw BLOB, ok "
      "INTEGER)");
  expect_fits();
  set_up(
      "CREATE TABLE t (hour TEXT, title TEXT, views INTEGER, rate REAL, raw BLOB, ok INTEGER, id "
      "INTEGER PRIMARY KEY)");
  expect_contains(refusal(), {"exactly the key (\"views\")"});
}

TEST_F(TableFit, RefusesALedgerOfAnotherShape) {
  set_up("CREATE TABLE etl_ledger (pipeline TEXT, rows_read TEXT)");
  const auto sink = options_.make(host_.context());
  for (const auto& action : std::vector<std::function<void()>>{
           [&] { (void)sink->inspect(schema); }, [&] { sink->prepare(schema); },
           [&] { (void)sink->committed("pipe", "db"); }}) {
    const auto error = error_of(action);
    EXPECT_EQ(error.code(), Code::config);
    EXPECT_EQ(error.option(), "path");
    expect_contains(error.message(),
                    {"etl_ledger", "\"partition\" is missing", "\"rows_read\" is TEXT"});
  }
}

}  // namespace
