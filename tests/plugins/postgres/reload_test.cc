#include "sink_fixture.hpp"

#include <thread>

namespace postgres_test {
namespace {

etl::Schema hourly_schema() { return {{"hour", etl::Type::timestamp_s}, {"id", etl::Type::int64}}; }

constexpr std::int64_t first_hour = 1'472'331'600;  // 2016-08-27 21:00

etl::Batch hourly_batch(std::int64_t hour, std::int64_t count, std::int64_t first = 0) {
  etl::BatchBuilder builder(hourly_schema());
  for (std::int64_t id = first; id < first + count; ++id) builder.row(first_hour + hour * 3600, id);
  return builder.finish();
}

etl::WriteRequest hour_request(std::int64_t hour, bool reload, const std::string& run = "run-1") {
  etl::WriteRequest request = request_for("hour " + std::to_string(hour), run);
  request.partition.scope = {"hour", first_hour + hour * 3600};
  request.reload = reload;
  return request;
}

class ReloadTest : public SinkTest {
 protected:
  std::string counts() {
    return db().text(
        "SELECT (extract(epoch FROM hour)::bigint - 1472331600) / 3600 AS h, count(*) FROM t"
        " GROUP BY hour ORDER BY hour");
  }
};

TEST_F(ReloadTest, ReplacesTheRowsOfItsPartitionAndNoOthers) {
  TestSink sink(append());
  sink->prepare(hourly_schema());
  for (std::int64_t hour = 0; hour < 3; ++hour)
    load(*sink, hour_request(hour, false), hourly_batch(hour, 10));
  load(*sink, hour_request(1, true, "run-2"), hourly_batch(1, 4));
  EXPECT_EQ(counts(), "0|10\n1|4\n2|10");
  EXPECT_EQ(db().text("SELECT rows_written, run_id FROM etl_ledger ORDER BY partition"),
            "10|run-1\n4|run-2\n10|run-1");
}

TEST_F(ReloadTest, OfWhatIsNotDoneIsAnOrdinaryLoad) {
  TestSink sink(append());
  sink->prepare(hourly_schema());
  load(*sink, hour_request(0, true), hourly_batch(0, 3));
  sink->record(record_for(hour_request(1, false), 0, etl::State::failed));
  load(*sink, hour_request(1, true), hourly_batch(1, 3));
  EXPECT_EQ(counts(), "0|3\n1|3");
}

TEST_F(ReloadTest, WithoutCommitTheEarlierRowsStay) {
  TestSink sink(append());
  sink->prepare(hourly_schema());
  load(*sink, hour_request(0, false), hourly_batch(0, 10));
  { sink->open(hour_request(0, true, "run-2"), hourly_schema()).write(hourly_batch(0, 3)); }
  EXPECT_EQ(counts(), "0|10");
  EXPECT_EQ(sink->committed("pipeline", "sink").at(0).run_id, "run-1");
}

TEST_F(ReloadTest, RefusesWhenOthersHaveRowsWithTheSameValue) {
  TestSink sink(append());
  sink->prepare(hourly_schema());
  load(*sink, hour_request(0, false), hourly_batch(0, 10));
  db().run("INSERT INTO t SELECT hour, 99 FROM t LIMIT 1");
  const etl::Error error =
      error_of([&] { load(*sink, hour_request(0, true), hourly_batch(0, 10)); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  EXPECT_CONTAINS(error.message(),
                  "has 11 rows with the partition's value of column \"hour\", but the ledger "
                  "counts 10");
  EXPECT_EQ(counts(), "0|11");
}

TEST_F(ReloadTest, RefusesWithoutAScopeUnlessNothingWasWritten) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  load(*sink, request_for("full"), simple_batch(0, 2));
  load(*sink, request_for("empty"), simple_batch(0, 0));
  etl::WriteRequest full = request_for("full");
  etl::WriteRequest empty = request_for("empty");
  full.reload = empty.reload = true;
  const etl::Error error = error_of([&] { load(*sink, full, simple_batch(0, 2)); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  EXPECT_CONTAINS(error.message(), "partition \"full\"");
  full.partition.scope = {"not_a_column", "x"};
  EXPECT_EQ(error_of([&] { load(*sink, full, simple_batch(0, 2)); }).code(), etl::Code::permanent);
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "2");
  load(*sink, empty, simple_batch(5, 1));
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "3");
}

TEST_F(ReloadTest, AScopeMayBeATextOrANumber) {
  const etl::Schema schema = {
      {"lang", etl::Type::utf8}, {"n", etl::Type::int32}, {"at", etl::Type::timestamp_us}};
  struct Case {
    etl::Scope scope;
    const char* lang;
    std::int32_t n;
    std::int64_t at;
  };
  const Case cases[] = {{{"lang", "fr"}, "fr", 1, 1},
                        {{"lang", ""}, "", 2, 2},
                        {{"n", std::int64_t{-3}}, "x", -3, 3},
                        {{"at", std::int64_t{-4}}, "y", 4, -4}};
  TestSink sink(append());
  sink->prepare(schema);
  for (int round = 0; round < 2; ++round) {
    for (const Case& one : cases) {
      etl::WriteRequest request = request_for(one.scope.column + one.lang);
      request.partition.scope = one.scope;
      request.reload = round == 1;
      etl::BatchBuilder builder(schema);
      builder.row(one.lang, one.n, one.at);
      load(*sink, request, builder.finish());
    }
  }
  EXPECT_EQ(db().text("SELECT lang, n FROM t ORDER BY n"), "x|-3\nfr|1\n|2\ny|4");
}

TEST_F(ReloadTest, UpsertRemovesRowsOnlyWhenTheyAreItsOwn) {
  TestSink sink(upsert({"hour", "id"}));
  sink->prepare(hourly_schema());
  load(*sink, hour_request(0, false), hourly_batch(0, 10));
  load(*sink, hour_request(0, true), hourly_batch(0, 4));
  EXPECT_EQ(counts(), "0|4");
  db().run("INSERT INTO t SELECT hour, 99 FROM t LIMIT 1");  // another's: now none is removed
  load(*sink, hour_request(0, true), hourly_batch(0, 2));
  EXPECT_EQ(counts(), "0|5");
}

TEST_F(ReloadTest, UpsertKeepsRowsThatAnotherRunCommitsMeanwhile) {
  TestSink sink(upsert({"hour", "id"}));
  sink->prepare(hourly_schema());
  load(*sink, hour_request(0, false), hourly_batch(0, 2));
  // The lock lets a count through, but no DELETE.
  Session other(dsn());
  other.run("BEGIN; LOCK TABLE t IN SHARE MODE; INSERT INTO t SELECT hour, id + 7 FROM t");
  std::thread loader([&] { load(*sink, hour_request(0, true), hourly_batch(0, 2)); });
  EXPECT_TRUE(wait_for_lock());
  other.run("COMMIT");
  loader.join();
  EXPECT_EQ(db().text("SELECT id FROM t ORDER BY id"), "0\n1\n7\n8");
}

TEST_F(ReloadTest, RowsThatRetentionHasDeletedAreLoaded) {
  TestSink sink(append());
  sink->prepare(hourly_schema());
  for (std::int64_t hour = 0; hour < 2; ++hour)
    load(*sink, hour_request(hour, false), hourly_batch(hour, 10));
  db().run("DELETE FROM t WHERE hour < to_timestamp(" + std::to_string(first_hour + 3600) + ")");
  load(*sink, hour_request(0, true), hourly_batch(0, 4));
  EXPECT_EQ(counts(), "0|4\n1|10");
}

TEST_F(ReloadTest, RowsThatTriggersAndRulesKeepAreAnError) {
  const char* const obstacles[] = {
      "CREATE TRIGGER keeps BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION keep()",
      "CREATE TRIGGER returns AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION bring_back()",
      "CREATE RULE keeps AS ON DELETE TO t DO INSTEAD NOTHING"};
  for (const char* obstacle : obstacles) {
    for (const TestSink::Given& given : {append(), upsert({"hour", "id"})}) {
      db().run("DROP TABLE IF EXISTS t, etl_ledger");
      TestSink sink(given);
      sink->prepare(hourly_schema());
      load(*sink, hour_request(0, false), hourly_batch(0, 3));
      db().run(
          "CREATE OR REPLACE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS"
          " 'BEGIN RETURN NULL; END';"
          "CREATE OR REPLACE FUNCTION bring_back() RETURNS trigger LANGUAGE plpgsql AS"
          " 'BEGIN INSERT INTO t SELECT OLD.*; RETURN NULL; END';" +
          std::string(obstacle));
      const etl::WriteRequest request = hour_request(0, true);
      const auto expect_refused = [&](const std::function<void()>& action) {
        EXPECT_CONTAINS(error_of(action).message(),
                        "cannot delete the earlier rows of partition \"hour 0\" from table "
                        "public.t: 3 ");
        EXPECT_EQ(counts(), "0|3");
        EXPECT_EQ(db().text("SELECT rows_written FROM etl_ledger"), "3");
      };
      expect_refused([&] { load(*sink, request, hourly_batch(0, 2)); });
      expect_refused([&] {
        (void)sink->forget(
            {request.pipeline, request.source, request.sink, request.partition, true},
            hourly_schema());
      });
    }
  }
}

TEST_F(ReloadTest, UpsertNeedsNoScope) {
  TestSink sink(upsert({"id"}));
  sink->prepare(simple_schema());
  etl::WriteRequest request = request_for("p");
  load(*sink, request, simple_batch(0, 3, "old"));
  request.reload = true;
  load(*sink, request, simple_batch(1, 3, "new"));
  EXPECT_EQ(db().text("SELECT * FROM t ORDER BY id"), "0|old\n1|new\n2|new\n3|new");
}

TEST_F(ReloadTest, TwoAtOnceComeOneAfterTheOther) {
  TestSink first(append());
  TestSink second(append());
  first->prepare(hourly_schema());
  load(*first, hour_request(0, false), hourly_batch(0, 10));
  std::thread other;
  {
    const etl::WriteRequest request = hour_request(0, true, "run-2");
    postgres::PostgresWriter writer = first->open(request, hourly_schema());
    other = std::thread([&] { load(*second, hour_request(0, true, "run-3"), hourly_batch(0, 7)); });
    EXPECT_TRUE(wait_for_lock());
    writer.write(hourly_batch(0, 5));
    writer.commit(record_for(request, 5));
  }
  other.join();
  EXPECT_EQ(counts(), "0|7");
  EXPECT_EQ(first->committed("pipeline", "sink").at(0).run_id, "run-3");
}

// Neither finds a record to lock. The fence holds between reloads as it does between loads.
TEST_F(ReloadTest, TwoAtOnceOfWhatWasNeverLoadedAreFenced) {
  TestSink first(append());
  TestSink second(append());
  first->prepare(hourly_schema());
  const etl::WriteRequest one = hour_request(0, true, "run-1");
  const etl::WriteRequest two = hour_request(0, true, "run-2");
  postgres::PostgresWriter winner = first->open(one, hourly_schema());
  postgres::PostgresWriter loser = second->open(two, hourly_schema());
  winner.write(hourly_batch(0, 5));
  loser.write(hourly_batch(0, 5));
  winner.commit(record_for(one, 5));
  EXPECT_EQ(error_of([&] { loser.commit(record_for(two, 5)); }).code(), etl::Code::conflict);
  EXPECT_EQ(counts(), "0|5");
}

class ForgetTest : public ReloadTest {
 protected:
  static etl::ForgetRequest forget(std::int64_t hour, bool delete_rows) {
    const etl::WriteRequest of = hour_request(hour, false);
    return {of.pipeline, of.source, of.sink, of.partition, delete_rows};
  }
  std::string done() {
    return db().text("SELECT partition, rows_written FROM etl_ledger ORDER BY partition");
  }
};

TEST_F(ForgetTest, RemovesTheRecordAndLeavesTheRows) {
  TestSink sink(append());
  sink->prepare(hourly_schema());
  for (std::int64_t hour = 0; hour < 2; ++hour)
    load(*sink, hour_request(hour, false), hourly_batch(hour, 10));
  EXPECT_EQ(sink->forget(forget(0, false), hourly_schema()), 0);
  EXPECT_EQ(counts(), "0|10\n1|10");
  EXPECT_EQ(done(), "hour 1|10");
}

TEST_F(ForgetTest, RemovesExactlyThePartitionsRowsWhenAsked) {
  TestSink sink(append());
  sink->prepare(hourly_schema());
  for (std::int64_t hour = 0; hour < 3; ++hour)
    load(*sink, hour_request(hour, false), hourly_batch(hour, 10));
  EXPECT_EQ(sink->forget(forget(1, true), hourly_schema()), 10);
  EXPECT_EQ(counts(), "0|10\n2|10");
  EXPECT_EQ(done(), "hour 0|10\nhour 2|10");
  load(*sink, hour_request(1, false), hourly_batch(1, 4));
  EXPECT_EQ(counts(), "0|10\n1|4\n2|10") << "it can be loaded again";
}

TEST_F(ForgetTest, RemovesARecordOfAFailureWithoutAnyRows) {
  TestSink sink(append());
  sink->prepare(hourly_schema());
  load(*sink, hour_request(1, false), hourly_batch(1, 3));
  sink->record(record_for(hour_request(0, false), 7, etl::State::failed));
  EXPECT_EQ(sink->forget(forget(0, true), hourly_schema()), 0);
  EXPECT_EQ(done(), "hour 1|3");
}

TEST_F(ForgetTest, OfWhatIsNotThereIsNoError) {
  TestSink sink(append());
  EXPECT_EQ(sink->forget(forget(0, true), hourly_schema()), 0);
  EXPECT_EQ(db().value("SELECT to_regclass('etl_ledger') IS NULL"), "t") << "nothing is created";
  sink->prepare(hourly_schema());
  load(*sink, hour_request(0, false), hourly_batch(0, 3));
  EXPECT_EQ(sink->forget(forget(1, true), hourly_schema()), 0);
  etl::ForgetRequest other = forget(0, true);
  other.pipeline = "another";
  EXPECT_EQ(sink->forget(other, hourly_schema()), 0);
  EXPECT_EQ(counts(), "0|3");
  EXPECT_EQ(done(), "hour 0|3");
}

TEST_F(ForgetTest, IsRefusedWhereTheRowsCannotBeTold) {
  for (const TestSink::Given& given : {append("a"), upsert({"hour", "id"}, "u")}) {
    TestSink sink(given);
    db().run("DROP TABLE IF EXISTS etl_ledger");
    sink->prepare(hourly_schema());
    load(*sink, hour_request(0, false), hourly_batch(0, 10));
    const auto refused = [&](const etl::ForgetRequest& request) {
      const etl::Error error = error_of([&] { (void)sink->forget(request, hourly_schema()); });
      EXPECT_EQ(error.code(), etl::Code::permanent);
      EXPECT_CONTAINS(error.message(), "partition \"hour 0\" from table public." + given.table);
      EXPECT_CONTAINS(error.message(), "Nothing was changed");
      EXPECT_EQ(done(), "hour 0|10");
      return error.message();
    };
    etl::ForgetRequest no_scope = forget(0, true);
    no_scope.partition.scope = {};
    EXPECT_CONTAINS(refused(no_scope), "no column identifies the partition's rows");
    db().run("INSERT INTO " + given.table + " SELECT hour, 99 FROM " + given.table + " LIMIT 1");
    EXPECT_CONTAINS(refused(forget(0, true)),
                    "11 rows with the partition's value of column \"hour\"");
    EXPECT_EQ(db().value("SELECT count(*) FROM " + given.table), "11");
    db().run("DROP TABLE " + given.table);
    EXPECT_CONTAINS(refused(forget(0, true)), "the table does not exist");
    EXPECT_EQ(sink->forget(forget(0, false), hourly_schema()), 0);
    EXPECT_EQ(done(), "");
  }
}

TEST_F(ForgetTest, WaitsForWhoLoadsThePartitionAgain) {
  TestSink first(append());
  TestSink second(append());
  first->prepare(hourly_schema());
  load(*first, hour_request(0, false), hourly_batch(0, 10));
  std::thread other;
  std::int64_t removed = 0;
  {
    const etl::WriteRequest request = hour_request(0, true, "run-2");
    postgres::PostgresWriter writer = first->open(request, hourly_schema());
    other = std::thread([&] { removed = second->forget(forget(0, true), hourly_schema()); });
    EXPECT_TRUE(wait_for_lock());
    writer.write(hourly_batch(0, 5));
    writer.commit(record_for(request, 5));
  }
  other.join();
  EXPECT_EQ(removed, 5);
  EXPECT_EQ(counts(), "");
  EXPECT_EQ(done(), "");
}

}  // namespace
}  // namespace postgres_test
