#include "plugins/sqlite/sqlite_sink.hpp"

#include "support.hpp"

#include <fstream>
#include <iterator>
#include <set>

namespace {

using namespace sqlite_tests;

const Schema schema{{"title", Type::utf8}, {"views", Type::int64, true}};

class SqliteSinkTest : public testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<sqlite::SqliteSink> make() const {
    return options_.make(host_.context());
  }

  TemporaryFolder folder_;
  FakeHost host_;
  SinkOptions options_{folder_.file("s.db")};
};

TEST_F(SqliteSinkTest, IsATransactionalStageOfOneWriter) {
  const etl_stage& stage = etl::detail::stage_of<sqlite::SqliteSink>;
  EXPECT_STREQ(stage.name, "sqlite");
  EXPECT_EQ(stage.kind, ETL_SINK);
  EXPECT_EQ(stage.flags, static_cast<unsigned>(ETL_STAGE_TRANSACTIONAL));
  EXPECT_EQ(stage.max_writers, 1U);
  EXPECT_NE(stage.sink->inspect, nullptr);
  EXPECT_NE(stage.sink->prepare, nullptr);
  std::set<std::string> operational;
  for (std::size_t i = 0; i < stage.option_count; ++i) {
    const etl_option_spec& option = stage.options[i];
    if ((option.flags & ETL_OPTION_OPERATIONAL) != 0)
      operational.emplace(option.name.data, option.name.size);
  }
  EXPECT_EQ(operational, (std::set<std::string>{"busy_timeout", "existing_rows", "path"}));
}

TEST_F(SqliteSinkTest, TouchesNothingBeforePrepare) {
  const auto sink = make();
  sink->check(schema);
  const auto target = sink->inspect(schema);
  EXPECT_TRUE(sink->committed("pipe", "db").empty());
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  expect_contains(target.name, {"\"t\"", options_.path});
}

TEST_F(SqliteSinkTest, InspectSaysWhatPrepareWillCreate) {
  const auto sink = make();
  const std::string ddl = sink->inspect(schema).ddl;
  PlainDatabase(folder_.file("by-hand.db")).run(ddl);
  sink->prepare(schema);
  const char* query = "SELECT name, sql FROM sqlite_master ORDER BY name";
  EXPECT_EQ(PlainDatabase(folder_.file("by-hand.db")).rows(query),
            PlainDatabase(options_.path).rows(query));
  EXPECT_EQ(
      PlainDatabase(options_.path).value("SELECT count(*) FROM sqlite_master WHERE type = 'table'"),
      "2");
  EXPECT_EQ(sink->inspect(schema).ddl, "");
}

TEST_F(SqliteSinkTest, InspectChangesNothing) {
  make()->prepare(schema);
  const auto bytes = [&] {
    std::ifstream file(options_.path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string before = bytes();
  options_.table = "another";
  const auto target = make()->inspect(schema);
  expect_contains(target.ddl, {"CREATE TABLE \"another\""});
  EXPECT_EQ(target.ddl.find("etl_ledger"), std::string::npos) << "which is there already";
  EXPECT_EQ(bytes(), before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(SqliteSinkTest, PrepareCanBeRepeatedAndAddsWhatIsMissing) {
  options_.existing_rows = "keep";
  PlainDatabase(options_.path)
      .run("CREATE TABLE t (title TEXT, views INTEGER); INSERT INTO t VALUES ('mine', 1)");
  make()->prepare(schema);
  make()->prepare(schema);
  EXPECT_EQ(PlainDatabase(options_.path).value("SELECT * FROM t"), "'mine'|1");
  EXPECT_EQ(PlainDatabase(options_.path).value("SELECT count(*) FROM etl_ledger"), "0");
}

TEST_F(SqliteSinkTest, PrepareDoesNotWaitForALoadWhenEverythingIsThere) {
  options_.busy_timeout_ms = 0;
  make()->prepare(schema);
  PlainDatabase other(options_.path);
  other.run("BEGIN IMMEDIATE");
  EXPECT_NO_THROW(make()->prepare(schema));
}

TEST_F(SqliteSinkTest, WorksWithAnEmptyFile) {
  std::ofstream(options_.path).flush();
  const auto sink = make();
  expect_contains(sink->inspect(schema).ddl, {"CREATE TABLE \"t\""});
  EXPECT_TRUE(sink->committed("pipe", "db").empty());
  sink->prepare(schema);
  EXPECT_EQ(sink->inspect(schema).ddl, "");
}

TEST_F(SqliteSinkTest, NamesAFolderThatIsNotThere) {
  options_.path = folder_.file("no/such/s.db");
  const auto sink = make();
  for (const auto& action : std::vector<std::function<void()>>{[&] { (void)sink->inspect(schema); },
                                                               [&] { sink->prepare(schema); }}) {
    const auto error = error_of(action);
    EXPECT_EQ(error.code(), Code::config);
    EXPECT_EQ(error.option(), "path");
    expect_contains(error.message(), {"folder " + folder_.file("no/such"), "does not exist"});
  }
  EXPECT_TRUE(sink->committed("pipe", "db").empty());
}

TEST_F(SqliteSinkTest, RefusesAFolderAndAFileThatIsNoDatabase) {
  options_.path = folder_.file("folder");
  std::filesystem::create_directory(options_.path);
  expect_contains(error_of([&] { (void)make()->inspect(schema); }).message(),
                  {options_.path, "is a folder"});
  options_.path = folder_.file("notes.txt");
  std::ofstream(options_.path) << "These are notes, not a database.\n";
  const auto sink = make();
  for (const auto& action : std::vector<std::function<void()>>{
           [&] { (void)sink->inspect(schema); }, [&] { sink->prepare(schema); },
           [&] { (void)sink->committed("pipe", "db"); }}) {
    const auto error = error_of(action);
    EXPECT_EQ(error.code(), Code::config);
    EXPECT_EQ(error.option(), "path");
    expect_contains(error.message(), {options_.path, "not an SQLite database"});
  }
}

TEST_F(SqliteSinkTest, CheckLooksAtOptionsAndColumns) {
  options_.mode = "upsert";
  EXPECT_EQ(error_of([&] { make()->check(schema); }).option(), "key");
  options_.key = {"nothing"};
  expect_contains(error_of([&] { make()->check(schema); }).message(),
                  {"\"nothing\"", "\"title\", \"views\""});
  options_.key = {"title"};
  EXPECT_NO_THROW(make()->check(schema));
}

TEST_F(SqliteSinkTest, CommittedGivesTheRecordsOfOnePipelineAndSink) {
  const auto sink = make();
  sink->prepare(schema);
  sink->record(record_for("b", 0, etl::State::missing));
  sink->record(record_for("a", 0, etl::State::failed));
  auto foreign = record_for("c", 0, etl::State::failed);
  foreign.sink = "another";
  sink->record(foreign);
  const auto records = sink->committed("pipe", "db");
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].partition, "a");
  EXPECT_EQ(records[0].state, etl::State::failed);
  EXPECT_EQ(records[1].partition, "b");
  EXPECT_EQ(records[1].state, etl::State::missing);
}

TEST_F(SqliteSinkTest, RecordNeverReplacesDone) {
  const auto sink = make();
  sink->prepare(schema);
  load(*sink, schema, request_for("a"), batches_of<std::string, std::int64_t>(schema, {{"x", 1}}));
  EXPECT_NO_THROW(sink->record(record_for("a", 0, etl::State::failed)));
  EXPECT_NO_THROW(sink->record(record_for("a", 0, etl::State::missing)));
  EXPECT_EQ(PlainDatabase(options_.path).value("SELECT state, rows_written FROM etl_ledger"),
            "'done'|1");
  EXPECT_EQ(error_of([&] { sink->record(record_for("a", 5)); }).code(), Code::internal);
}

TEST_F(SqliteSinkTest, WritesOtherColumnsAfterAnotherPrepare) {
  options_.path = folder_.file("two.db");
  PlainDatabase(options_.path).run("CREATE TABLE t (title TEXT, views INTEGER, more TEXT)");
  const auto sink = make();
  sink->prepare(schema);
  load(*sink, schema, request_for("a"), batches_of<std::string, std::int64_t>(schema, {{"x", 1}}));
  const Schema more{{"more", Type::utf8}, {"title", Type::utf8}};
  load(*sink, more, request_for("b"), batches_of<std::string, std::string>(more, {{"m", "y"}}));
  EXPECT_EQ(PlainDatabase(options_.path).rows("SELECT * FROM t"),
            (std::vector<std::string>{"'x'|1|NULL", "'y'|NULL|'m'"}));
}

TEST_F(SqliteSinkTest, WarnsOfATableThatHasLostAllItsRows) {
  make()->prepare(schema);
  const auto warns = [&] {
    const FakeHost host;
    (void)options_.make(host.context())->committed("pipe", "db");
    return host.has_warned("is empty, but its ledger counts 1 row");
  };
  load(*make(), schema, request_for("none"), {});
  EXPECT_FALSE(warns());
  load(*make(), schema, request_for("a"),
       batches_of<std::string, std::int64_t>(schema, {{"x", 1}}));
  EXPECT_FALSE(warns());
  PlainDatabase(options_.path)
      .run("DROP TABLE t; CREATE TABLE t (title TEXT NOT NULL, views INTEGER NOT NULL)");
  EXPECT_TRUE(warns());
  PlainDatabase(options_.path).run("DROP TABLE t");
  EXPECT_FALSE(warns()) << "which is an error when the target is looked at";
}

TEST_F(SqliteSinkTest, NamesATableThatWasDroppedMeanwhile) {
  const auto sink = make();
  sink->prepare(schema);
  load(*sink, schema, request_for("a"), {});
  PlainDatabase(options_.path).run("DROP TABLE t");
  const auto error = error_of([&] {
    load(*sink, schema, request_for("b"),
         batches_of<std::string, std::int64_t>(schema, {{"x", 1}}));
  });
  EXPECT_EQ(error.code(), Code::permanent);
  expect_contains(error.message(), {"\"t\"", options_.path, "is gone: it was dropped or renamed"});
}

}  // namespace
