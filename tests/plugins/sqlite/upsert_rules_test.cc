/// The options order and combine, and rows that no ledger counts.
#include "support.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <random>

namespace {

using namespace sqlite_tests;

using Row = std::tuple<std::string, std::int64_t, std::int64_t>;
using Rows = std::vector<Row>;
using Values = std::vector<std::string>;
const Schema schema{{"title", Type::utf8}, {"hour", Type::timestamp_s}, {"views", Type::int64}};
constexpr std::int64_t midnight = 1709251200;  // 2024-03-01 00:00:00

class UpsertRules : public TableTest<Rows> {
 protected:
  UpsertRules() : TableTest(schema) {
    options_.mode = "upsert";
    options_.key = {"title"};
    options_.timestamps = "unix";
  }
  [[nodiscard]] Values rows(const std::string& columns = "title, hour, views") const {
    return PlainDatabase(options_.path).rows("SELECT " + columns + " FROM t ORDER BY 1");
  }
};

TEST_F(UpsertRules, AnOlderRowReplacesNoNewerOne) {
  options_.order = {"hour"};
  load_rows("late", {{"a", 3, 10}, {"b", 1, 20}, {"c", 2, 25}});
  load_rows("early",
            {{"a", 1, 30}, {"b", 1, 40}, {"c", 3, 50}, {"c", 1, 60}, {"d", 2, 70}, {"d", 1, 80}});
  EXPECT_EQ(rows(), (Values{"'a'|3|10", "'b'|1|40", "'c'|3|50", "'d'|2|70"}));
}

TEST_F(UpsertRules, WithoutAnOrderThePartitionsColumnDecides) {
  load_rows("late", {{"a", 3, 10}, {"b", 3, 20}}, false, {"hour", std::int64_t{3}});
  load_rows("early", {{"a", 1, 30}, {"c", 1, 40}}, false, {"hour", std::int64_t{1}});
  EXPECT_EQ(rows(), (Values{"'a'|3|10", "'b'|3|20", "'c'|1|40"}));
}

TEST_F(UpsertRules, ColumnsDecideOneAfterTheOther) {
  options_.order = {"views", "hour"};
  load_rows("p", {{"a", 5, 1}, {"a", 9, 0}, {"a", 4, 1}, {"b", 1, 1}, {"b", 2, 1}});
  EXPECT_EQ(rows(), (Values{"'a'|5|1", "'b'|2|1"}));
}

TEST_F(UpsertRules, TextTimestampsAreInOrder) {
  options_.timestamps = "text";
  options_.order = {"hour"};
  load_rows("p", {{"a", midnight, 1}, {"a", midnight - 1, 2}, {"b", -1, 3}, {"b", midnight, 4}});
  EXPECT_EQ(rows("title, views"), (Values{"'a'|1", "'b'|4"}));
}

TEST_F(UpsertRules, RowsWithoutAnOrderAreRefused) {
  options_.order = {"views"};
  PlainDatabase(options_.path).run("CREATE TABLE t (title TEXT UNIQUE, views INTEGER)");
  const Schema nullable{{"title", Type::utf8}, {"views", Type::int64, true}};
  const auto sink = options_.make(host_.context());
  sink->prepare(nullable);
  auto writer = sink->open(request_for("p"), nullable);
  const auto error = error_of([&] {
    writer.write(
        batch_of<std::string, std::optional<std::int64_t>>(nullable, {{"a", std::nullopt}}));
  });
  EXPECT_EQ(error.code(), Code::permanent);
  expect_contains(error.message(), {"column \"views\"", "NULL in row 1"});
}

TEST_F(UpsertRules, ATriggerThatSkipsANewerRowIsFound) {
  options_.order = {"hour"};
  PlainDatabase(options_.path)
      .run(
          "CREATE TABLE t (title TEXT UNIQUE, hour INTEGER, views INTEGER);"
          "CREATE TRIGGER few BEFORE UPDATE ON t WHEN new.views > 5"
          " BEGIN SELECT raise(IGNORE); END");
  load_rows("p", {{"a", 3, 1}, {"b", 3, 1}});
  load_rows("older", {{"a", 2, 9}, {"b", 4, 2}});
  const auto error = error_of([&] { load_rows("newer", {{"a", 4, 9}, {"b", 4, 2}}); });
  EXPECT_EQ(error.code(), Code::permanent);
  expect_contains(error.message(), {"a trigger of the table skips some"});
  EXPECT_EQ(rows(), (Values{"'a'|3|1", "'b'|4|2"}));
}

/// Random rows of several partitions, against the same computed without a database.
TEST_F(UpsertRules, AgreeWithFunctionsOverAllRows) {
  const Schema wide{{"title", Type::utf8},         {"sum", Type::int64, true},
                    {"least", Type::int64, true},  {"most", Type::int64, true},
                    {"number", Type::int64, true}, {"first", Type::int64, true},
                    {"last", Type::int64, true}};
  options_.combine = {{"sum", "sum"},      {"least", "min"},   {"most", "max"},
                      {"number", "count"}, {"first", "first"}, {"last", "last"}};
  const auto sink = options_.make(host_.context());
  sink->prepare(wide);
  std::mt19937_64 random(7);
  std::map<std::string, std::vector<std::optional<std::int64_t>>> sent;
  for (int partition = 0; partition < 5; ++partition) {
    auto writer = sink->open(request_for("p" + std::to_string(partition)), wide);
    for (int batch = 0; batch < 3; ++batch) {
      etl::BatchBuilder builder(wide);
      for (int row = 0; row < 200; ++row) {
        const std::string title(1, static_cast<char>('a' + random() % 26));
        std::optional<std::int64_t> n;
        if (random() % 4 != 0) n = static_cast<std::int64_t>(random() % 2000) - 1000;
        builder.row(title, n, n, n, n, n, n);
        sent[title].push_back(n);
      }
      writer.write(builder.finish());
    }
    writer.commit(record_for("p" + std::to_string(partition), 600));
  }
  Values expected;
  for (const auto& [title, all] : sent) {
    std::vector<std::int64_t> values;
    for (const auto& n : all) {
      if (n) values.push_back(*n);
    }
    ASSERT_FALSE(values.empty());
    const auto shown = [](const auto& n) { return n ? std::to_string(*n) : "NULL"; };
    expected.push_back(
        "'" + title + "'|" + std::to_string(std::accumulate(values.begin(), values.end(), 0L)) +
        "|" + std::to_string(std::ranges::min(values)) + "|" +
        std::to_string(std::ranges::max(values)) + "|" + std::to_string(values.size()) + "|" +
        shown(all.front()) + "|" + shown(all.back()));
  }
  EXPECT_EQ(PlainDatabase(options_.path).rows("SELECT * FROM t ORDER BY title"), expected);
}

TEST_F(UpsertRules, WithAnOrderTheNewestRowGivesWhatIsNotCombined) {
  const Schema wide{{"title", Type::utf8},
                    {"hour", Type::timestamp_s},
                    {"views", Type::int64},
                    {"note", Type::utf8}};
  options_.order = {"hour"};
  options_.combine = {{"views", "sum"}};
  const auto sink = options_.make(host_.context());
  sink->prepare(wide);
  using Wide = std::vector<std::tuple<std::string, std::int64_t, std::int64_t, std::string>>;
  load(*sink, wide, request_for("late"), batches_of(wide, Wide{{"a", 5, 1, "new"}}));
  load(*sink, wide, request_for("early"),
       batches_of(wide, Wide{{"a", 3, 2, "old"}, {"a", 4, 4, "older"}}));
  EXPECT_EQ(rows("title, hour, views, note"), (Values{"'a'|5|7|'new'"}));
}

TEST_F(UpsertRules, ASumThatDoesNotFitFailsThePartition) {
  options_.combine = {{"views", "sum"}};
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  load_rows("p", {{"a", 1, most - 1}, {"a", 1, 1}});
  const auto error = error_of([&] { load_rows("q", {{"a", 1, 1}}); });
  EXPECT_EQ(error.code(), Code::permanent);
  expect_contains(error.message(), {"a sum exceeds 64 bits", "table \"t\""});
  EXPECT_EQ(rows("title, views"), (Values{"'a'|" + std::to_string(most)}));
}

TEST_F(UpsertRules, ATriggerThatSkipsAContributionIsFound) {
  options_.combine = {{"views", "sum"}};
  PlainDatabase(options_.path)
      .run(
          "CREATE TABLE t (title TEXT UNIQUE, hour INTEGER, views INTEGER);"
          "CREATE TRIGGER few BEFORE UPDATE ON t WHEN new.views > 5"
          " BEGIN SELECT raise(IGNORE); END");
  load_rows("p", {{"a", 1, 1}, {"a", 1, 4}});
  expect_contains(error_of([&] {
                    load_rows("q", {{"a", 1, 1}});
                  }).message(),
                  {"a trigger of the table skips some"});
}

TEST_F(UpsertRules, CombinedRowsCannotBeTakenOutAgain) {
  options_.combine = {{"views", "sum"}};
  const etl::Scope one{"hour", std::int64_t{1}};
  load_rows("p", {{"a", 1, 1}}, false, one);
  load_rows("q", {{"a", 2, 2}}, false, {"hour", std::int64_t{2}});
  const auto reloaded = error_of([&] { load_rows("p", {{"a", 1, 1}}, true, one); });
  EXPECT_EQ(reloaded.code(), Code::permanent);
  expect_contains(reloaded.message(), {"\"t\"", "combine"});
  expect_contains(error_of([&] { (void)forget("p", true, one); }).message(), {"\"t\"", "combine"});
  EXPECT_EQ(rows("title, views"), (Values{"'a'|3"}));
}

TEST_F(UpsertRules, AColumnOfTheKeyTellsWhatIsWhose) {
  options_.key = {"title", "hour"};
  options_.combine = {{"views", "sum"}};
  const etl::Scope one{"hour", std::int64_t{1}};
  load_rows("p", {{"a", 1, 1}, {"a", 1, 2}}, false, one);
  load_rows("q", {{"a", 2, 4}}, false, {"hour", std::int64_t{2}});
  load_rows("p", {{"a", 1, 10}, {"a", 1, 20}, {"b", 1, 5}}, true, one);
  EXPECT_EQ(rows(), (Values{"'a'|1|30", "'a'|2|4", "'b'|1|5"}));
  EXPECT_EQ(forget("p", true, one), 2);
  EXPECT_EQ(rows(), (Values{"'a'|2|4"}));
}

TEST_F(UpsertRules, AMergeAddsTheContributionsOfAnotherDatabase) {
  options_.combine = {{"views", "sum"}, {"hour", "max"}};
  load_rows("p", {{"a", 1, 1}, {"b", 7, 2}});
  SinkOptions task = options_;
  task.path = folder_.file("task.db");
  std::swap(task.path, options_.path);
  load_rows("q", {{"a", 5, 10}, {"a", 4, 100}, {"c", 1, 4}});
  load_rows("r", {{"b", 5, 1000}});
  std::swap(task.path, options_.path);
  const auto from = task.make(host_.context());
  const auto into = options_.make(host_.context());
  EXPECT_EQ(
      into->merge(*from, {"pipe", "db", {{"src", {"q", "", -1, {}}}, {"src", {"r", "", -1, {}}}}},
                  schema),
      3);
  EXPECT_EQ(rows(), (Values{"'a'|5|111", "'b'|7|1002", "'c'|1|4"}));
}

TEST_F(UpsertRules, AMergeOfSomeCombinedPartitionsIsRefused) {
  options_.combine = {{"views", "sum"}};
  load_rows("p", {});
  SinkOptions task = options_;
  task.path = folder_.file("task.db");
  std::swap(task.path, options_.path);
  load_rows("q", {{"a", 1, 10}}, false, {"hour", std::int64_t{1}});
  load_rows("r", {{"a", 2, 1000}}, false, {"hour", std::int64_t{2}});
  std::swap(task.path, options_.path);
  const auto from = task.make(host_.context());
  const auto into = options_.make(host_.context());
  const auto error = error_of([&] {
    (void)into->merge(*from, {"pipe", "db", {{"src", {"r", "", -1, {"hour", std::int64_t{2}}}}}},
                      schema);
  });
  EXPECT_EQ(error.code(), Code::permanent);
  EXPECT_EQ(rows(), Values{});
}

TEST_F(UpsertRules, AKeyWithoutThePartitionsColumnIsWarnedOf) {
  const auto warns = [&](const std::string& partition) {
    const FakeHost host;
    const auto sink = options_.make(host.context());
    sink->prepare(schema);
    load(*sink, schema, request_for(partition, false, {"hour", std::int64_t{1}}), {});
    return host.has_warned("order = [\"hour\"]");
  };
  EXPECT_TRUE(warns("p"));
  options_.order = {"hour"};
  EXPECT_FALSE(warns("q"));
  options_.order = {};
  options_.combine = {{"hour", "max"}, {"views", "sum"}};
  EXPECT_FALSE(warns("r"));
  options_.path = folder_.file("other.db");
  options_.combine = {};
  options_.key = {"title", "hour"};
  EXPECT_FALSE(warns("s"));
  options_.path = folder_.file("appended.db");
  options_.mode = "append";
  options_.key = {};
  EXPECT_FALSE(warns("t"));
}

TEST_F(UpsertRules, RowsThatNoLedgerCountsAreRefused) {
  options_.mode = "append";
  options_.key = {};
  load_rows("p", {{"a", 1, 1}});
  const std::string copy = folder_.file("copy.db");
  PlainDatabase(options_.path)
      .run("ATTACH '" + copy + "' AS copy; CREATE TABLE copy.t AS SELECT * FROM t");
  options_.path = copy;
  for (const char* ledger : {"SELECT 1", "CREATE TABLE etl_ledger AS SELECT 1"}) {
    if (ledger != std::string("SELECT 1")) {
      options_.existing_rows = "keep";
      options_.make(host_.context())->prepare(schema);  // makes an empty ledger
      options_.existing_rows = "refuse";
    }
    for (const auto& look : std::vector<std::function<void(sqlite::SqliteSink&)>>{
             [](auto& sink) { (void)sink.inspect(schema); },
             [](auto& sink) { sink.prepare(schema); }}) {
      const auto error = error_of([&] { look(*options_.make(host_.context())); });
      EXPECT_EQ(error.code(), Code::config);
      expect_contains(error.message(), {"\"t\"", copy, "has rows", "existing_rows = \"keep\""});
    }
  }
  options_.existing_rows = "keep";
  load_rows("q", {{"b", 2, 2}});
  options_.existing_rows = "refuse";
  load_rows("r", {{"c", 3, 3}});
  EXPECT_EQ(rows().size(), 3U);
}

}  // namespace
