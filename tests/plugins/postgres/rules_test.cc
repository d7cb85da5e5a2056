// The options `order` and `combine`: the table does not depend on the order in which partitions
// commit.
#include "sink_fixture.hpp"

#include <algorithm>
#include <array>
#include <thread>

namespace postgres_test {
namespace {

etl::Schema views_schema() {
  return {{"title", etl::Type::utf8},
          {"hour", etl::Type::timestamp_s},
          {"views", etl::Type::int64, true},
          {"note", etl::Type::utf8, true}};
}

struct Row {
  const char* title;
  std::int64_t hour;
  std::optional<std::int64_t> views;
  const char* note;
};
using Rows = std::vector<Row>;

etl::Batch batch_of(const Rows& rows) {
  etl::BatchBuilder builder(views_schema());
  for (const Row& row : rows) builder.row(row.title, row.hour * 3600, row.views, row.note);
  return builder.finish();
}

etl::WriteRequest hour_request(std::int64_t hour, bool reload = false) {
  etl::WriteRequest request = request_for("hour " + std::to_string(hour));
  request.partition.scope = {"hour", hour * 3600};
  request.reload = reload;
  return request;
}

const std::array<Rows, 3> partitions = {
    Rows{{"Paris", 0, 10, "a"}, {"Rome", 0, 1, "b"}, {"Paris", 0, 5, "c"}},
    Rows{{"Paris", 1, 11, "d"}, {"Oslo", 1, std::nullopt, "e"}, {"Rome", 1, 7, "f"}},
    Rows{{"Oslo", 2, 3, "g"}, {"Paris", 2, 12, "h"}, {"Oslo", 2, std::nullopt, "i"}}};

class RulesTest : public SinkTest {
 protected:
  static TestSink::Given given(etl::Strings order, etl::StringMap combine = {},
                               const etl::Strings& key = {"title"}) {
    TestSink::Given given = upsert(key);
    given.order = std::move(order);
    given.combine = std::move(combine);
    return given;
  }
  void load_hour(TestSink& sink, std::int64_t hour, const Rows& rows) {
    load(*sink, hour_request(hour), batch_of(rows));
  }
  /// Calls `check` after the partitions have been loaded in each possible order.
  void in_any_order(const TestSink::Given& given, const std::function<void()>& check) {
    std::array<std::int64_t, 3> hours = {0, 1, 2};
    do {
      db().run("DROP TABLE IF EXISTS t, etl_ledger");
      TestSink sink(given);
      sink->prepare(views_schema());
      for (const std::int64_t hour : hours)
        load_hour(sink, hour, partitions.at(static_cast<std::size_t>(hour)));
      check();
    } while (std::ranges::next_permutation(hours).found);
  }
  std::string table() {
    return db().text(
        "SELECT title, extract(epoch FROM hour)::bigint / 3600, views, note FROM t"
        " ORDER BY title, hour");
  }
};

TEST_F(RulesTest, AnOlderRowNeverReplacesANewerOne) {
  in_any_order(given({"hour"}),
               [&] { EXPECT_EQ(table(), "Oslo|2|NULL|i\nParis|2|12|h\nRome|1|7|f"); });
}

TEST_F(RulesTest, TheColumnInWhichPartitionsDifferIsTheDefaultOrder) {
  in_any_order(given({}), [&] { EXPECT_EQ(table(), "Oslo|2|NULL|i\nParis|2|12|h\nRome|1|7|f"); });
}

TEST_F(RulesTest, TheNewestRowOfAPartitionStaysWhereverItIs) {
  TestSink sink(given({"hour", "views"}));
  sink->prepare(views_schema());
  load_hour(sink, 0,
            {{"a", 5, 1, "old"}, {"a", 6, 3, "new"}, {"a", 6, 2, "less"}, {"a", 4, 9, ""}});
  EXPECT_EQ(table(), "a|6|3|new");
  load_hour(sink, 1, {{"a", 6, 2, "less again"}});
  EXPECT_EQ(table(), "a|6|3|new");
  load_hour(sink, 2, {{"a", 6, 3, "as new"}});
  EXPECT_EQ(table(), "a|6|3|as new") << "not older";
}

TEST_F(RulesTest, RowsWithoutAValueToCompareAreReplacedAndNotSent) {
  db().run(
      "CREATE TABLE t (title text PRIMARY KEY, hour timestamptz, views bigint, note text);"
      "INSERT INTO t VALUES ('a', NULL, NULL, 'by hand')");
  TestSink sink(given({"views", "hour"}));
  sink->prepare(views_schema());
  load_hour(sink, 0, {{"a", 5, 1, "loaded"}});
  EXPECT_EQ(table(), "a|5|1|loaded");
  EXPECT_CONTAINS(error_of([&] {
                    load_hour(sink, 1, {{"a", 6, std::nullopt, ""}});
                  }).message(),
                  "column \"views\", row 1 of the partition: null in a column of the key or the "
                  "order");
}

TEST_F(RulesTest, AnOlderRowThatWaitsForANewerOneStaysOut) {
  TestSink newer(given({"hour"}));
  TestSink older(given({"hour"}));
  newer->prepare(views_schema());
  Session other(dsn());
  other.run("BEGIN; INSERT INTO t VALUES ('Paris', to_timestamp(7200), 12, 'h')");
  std::thread loader([&] { load_hour(older, 0, partitions[0]); });
  EXPECT_TRUE(wait_for_lock());
  other.run("COMMIT");
  loader.join();
  EXPECT_EQ(table(), "Paris|2|12|h\nRome|0|1|b");
}

TEST_F(RulesTest, EachFunctionCombinesAllRowsOfAKey) {
  // The oracle adds up all rows that were sent.
  db().run("CREATE TABLE sent (title text, hour bigint, views bigint, note text)");
  for (const Rows& rows : partitions) {
    for (const Row& row : rows) {
      db().run("INSERT INTO sent VALUES ('" + std::string(row.title) + "', " +
               std::to_string(row.hour) + ", " + (row.views ? std::to_string(*row.views) : "NULL") +
               ", '" + row.note + "')");
    }
  }
  for (const char* function : {"sum", "min", "max", "count"}) {
    const std::string expected = db().text(std::string("SELECT title, ") + function +
                                           "(views), max(hour) FROM sent GROUP BY title"
                                           " ORDER BY title");
    in_any_order(given({}, {{"views", function}, {"hour", "max"}}), [&] {
      EXPECT_EQ(db().text("SELECT title, views, extract(epoch FROM hour)::bigint / 3600 FROM t"
                          " ORDER BY title"),
                expected)
          << function;
    });
  }
  const std::string notes = db().text(
      "SELECT title, min(note), max(note) FROM sent"
      " GROUP BY title ORDER BY title");
  in_any_order(given({}, {{"views", "sum"}, {"note", "min"}}), [&] {
    EXPECT_EQ(db().text("SELECT t.title, t.note, max(sent.note) FROM t JOIN sent USING (title)"
                        " GROUP BY t.title, t.note ORDER BY title"),
              notes);
  });
}

TEST_F(RulesTest, FirstKeepsWhatIsThereAndLastReplacesIt) {
  TestSink sink(given({}, {{"note", "first"}, {"views", "last"}}));
  sink->prepare(views_schema());
  for (const std::int64_t hour : {0, 1, 2})
    load_hour(sink, hour, partitions.at(static_cast<std::size_t>(hour)));
  EXPECT_EQ(db().text("SELECT title, views, note FROM t ORDER BY title"),
            "Oslo|NULL|e\nParis|12|a\nRome|7|b");
}

TEST_F(RulesTest, OrderDecidesAboutColumnsThatAreNotCombined) {
  in_any_order(given({"hour"}, {{"views", "sum"}}),
               [&] { EXPECT_EQ(table(), "Oslo|2|3|i\nParis|2|38|h\nRome|1|8|f"); });
}

TEST_F(RulesTest, SumsOfLoadsAtTheSameTimeAreComplete) {
  constexpr int loaders = 4;
  constexpr int loads = 20;
  TestSink sink(given({}, {{"views", "sum"}, {"hour", "max"}}));
  sink->prepare(views_schema());
  std::vector<std::thread> threads;
  threads.reserve(loaders);
  for (int loader = 0; loader < loaders; ++loader) {
    threads.emplace_back([&, loader] {
      for (int i = 0; i < loads; ++i) {
        load_hour(sink, loader * loads + i, {{"a", i, 1, ""}, {"b", i, 2, ""}, {"c", i, 3, ""}});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(db().text("SELECT title, views FROM t ORDER BY title"), "a|80\nb|160\nc|240");
}

TEST_F(RulesTest, ASumThatDoesNotFitChangesNothing) {
  TestSink sink(given({}, {{"views", "sum"}}));
  sink->prepare(views_schema());
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  load_hour(sink, 0, {{"a", 0, largest, ""}});
  for (const Rows& more : {Rows{{"a", 1, 1, ""}}, Rows{{"b", 1, largest, ""}, {"b", 1, 1, ""}}}) {
    const etl::Error error = error_of([&] { load_hour(sink, 1, more); });
    EXPECT_EQ(error.code(), etl::Code::permanent);
    EXPECT_CONTAINS(error.message(), "[22003]");
  }
  EXPECT_EQ(table(), "a|0|9223372036854775807|");
}

TEST_F(RulesTest, ATableThatAddsUpIsNotReloaded) {
  TestSink sink(given({}, {{"views", "sum"}}));
  sink->prepare(views_schema());
  load_hour(sink, 0, partitions[0]);
  load_hour(sink, 1, partitions[1]);
  const std::string before = table();
  const etl::Error reload =
      error_of([&] { load(*sink, hour_request(0, true), batch_of(partitions[0])); });
  EXPECT_EQ(reload.code(), etl::Code::permanent);
  EXPECT_CONTAINS(reload.message(),
                  "combine has added its rows to those of other partitions, and no column of the "
                  "key tells them apart. Nothing was changed");
  const etl::WriteRequest done = hour_request(0);
  const etl::Error forget = error_of([&] {
    (void)sink->forget({done.pipeline, done.source, done.sink, done.partition, true},
                       views_schema());
  });
  EXPECT_CONTAINS(forget.message(), "combine has added its rows");
  EXPECT_EQ(table(), before);
  db().run("TRUNCATE t");
  EXPECT_NO_THROW(load(*sink, hour_request(0, true), batch_of(partitions[0]))) << "nothing is left";
}

TEST_F(RulesTest, AKeyWithTheScopeSaysWhatIsWhose) {
  TestSink sink(given({}, {{"views", "sum"}}, {"title", "hour"}));
  sink->prepare(views_schema());
  load_hour(sink, 0, partitions[0]);
  load_hour(sink, 1, partitions[1]);
  const std::string before = table();
  load(*sink, hour_request(0, true), batch_of(partitions[0]));
  EXPECT_EQ(table(), before) << "not added once more, although three rows have become two";
  // Another pipeline loads the same hour: its rows cannot be told from those of this one.
  etl::WriteRequest other = hour_request(0);
  other.pipeline = "other";
  load(*sink, other, batch_of({{"Bern", 0, 1, ""}}));
  const std::string both = table();
  const etl::Error error =
      error_of([&] { load(*sink, hour_request(0, true), batch_of(partitions[0])); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  EXPECT_CONTAINS(error.message(), "Nothing was changed");
  EXPECT_EQ(table(), both);
}

TEST_F(RulesTest, RowsWithoutALedgerAreNotAddedTo) {
  TestSink sink(given({}, {{"views", "sum"}}));
  sink->prepare(views_schema());
  load_hour(sink, 0, partitions[0]);
  db().run("DROP TABLE etl_ledger");
  EXPECT_CONTAINS(error_of([&] { sink->prepare(views_schema()); }).message(),
                  "there is no public.etl_ledger");
}

TEST_F(RulesTest, TriggersMayKeepNewerRowsButNotLoseOlderOnes) {
  TestSink sink(given({"hour"}));
  sink->prepare(views_schema());
  db().run(
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
      "CREATE TRIGGER freezes BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()");
  load_hour(sink, 1, partitions[1]);
  EXPECT_NO_THROW(load_hour(sink, 0, {{"Rome", 0, 1, "older"}}));
  EXPECT_CONTAINS(error_of([&] { load_hour(sink, 2, partitions[2]); }).message(),
                  "does not have 2 of 2 rows as they were sent");
  TestSink adds(given({}, {{"views", "sum"}}));
  EXPECT_CONTAINS(error_of([&] { (void)adds->inspect(views_schema()); }).message(),
                  "triggers (freezes)");
}

TEST_F(RulesTest, AMissingOrderIsWarnedOfOnce) {
  const auto warnings = [&](const TestSink::Given& given) {
    db().run("DROP TABLE IF EXISTS t, etl_ledger");
    TestSink sink(given);
    sink->prepare(views_schema());
    load_hour(sink, 0, partitions[0]);
    load_hour(sink, 1, partitions[1]);
    return log_of(sink.host);
  };
  const std::string warning = warnings(given({}));
  EXPECT_CONTAINS(
      warning,
      "table t: no order is given, and the key does not contain \"hour\", in which "
      "partitions differ: among rows with the same key, the one with its newest value is "
      "kept");
  EXPECT_EQ(warning.find("table t"), warning.rfind("table t"));
  EXPECT_CONTAINS(warnings(given({}, {{"note", "first"}})),
                  "the one that is committed last is kept");
  EXPECT_EQ(warnings(given({"hour"})), "");
  EXPECT_EQ(warnings(given({}, {}, {"title", "hour"})), "");
  EXPECT_EQ(warnings(given({}, {{"hour", "max"}, {"views", "sum"}, {"note", "min"}})), "");
}

TEST_F(RulesTest, APlanSaysWhatHoldsWithoutAnOrder) {
  const auto note = [](const TestSink::Given& given) {
    TestSink sink(given);
    (void)sink->inspect(views_schema());
    return log_of(sink.host);
  };
  EXPECT_CONTAINS(note(given({})), "no order is given");
  EXPECT_EQ(note(given({"hour"})), "");
  EXPECT_EQ(note(append()), "");
}

TEST_F(RulesTest, MistakesAreFoundBeforeConnecting) {
  const auto mistake = [](TestSink::Given given) {
    given.dsn = "host=/nonexistent";
    return error_of([&] { TestSink(given)->check(views_schema()); });
  };
  const auto expect = [&](const TestSink::Given& given, const char* option, const char* words) {
    const etl::Error error = mistake(given);
    EXPECT_EQ(error.code(), etl::Code::config);
    EXPECT_EQ(error.option(), option);
    EXPECT_CONTAINS(error.message(), words);
  };
  TestSink::Given appends = append();
  appends.order = {"hour"};
  expect(appends, "order", "order is for mode = \"upsert\"");
  appends = append();
  appends.combine = {{"views", "sum"}};
  expect(appends, "combine", "combine is for mode = \"upsert\"");
  expect(given({"hours"}), "order", "no column \"hours\"");
  expect(given({"hour", "hour"}), "order", "column \"hour\" is named twice");
  expect(given({}, {{"view", "sum"}}), "combine", "no column \"view\"");
  expect(given({}, {{"title", "max"}}), "combine", "column \"title\" belongs to the key");
  expect(given({}, {{"note", "sum"}}), "combine", "column \"note\" is utf8");
  expect(given({"hour"}, {{"hour", "max"}}), "combine", "column \"hour\" belongs to order");
  expect(given({"hour"}, {{"note", "first"}}), "combine", "\"first\" cannot be used with order");
}

}  // namespace
}  // namespace postgres_test
