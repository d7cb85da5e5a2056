#include "sink_fixture.hpp"

#include <barrier>
#include <thread>

namespace postgres_test {
namespace {

class LedgerTest : public SinkTest {};

TEST_F(LedgerTest, ARecordComesBackAsItWasWritten) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  const etl::WriteRequest request = request_for("pageviews-20160827-210000", "run-é");
  etl::LedgerRecord record = record_for(request, 7);
  record.rows_filtered = 3;
  record.rows_rejected = 2;
  record.source_bytes = 123'456'789'012;
  record.attempts = 4;
  sink->open(request, simple_schema()).commit(record);
  sink->record(record_for(request_for("another"), 0, etl::State::missing));

  const std::vector<etl::LedgerRecord> found = sink->committed("pipeline", "sink");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].partition, "another");
  EXPECT_EQ(found[0].state, etl::State::missing);
  EXPECT_EQ(found[0].source_bytes, -1);
  EXPECT_EQ(found[0].error, "");
  const etl::LedgerRecord& back = found[1];
  EXPECT_EQ(back.state, etl::State::done);
  EXPECT_EQ(std::tie(back.pipeline, back.source, back.sink, back.partition, back.source_uri,
                     back.definition, back.run_id),
            std::tie(record.pipeline, record.source, record.sink, record.partition,
                     record.source_uri, record.definition, record.run_id));
  EXPECT_EQ(
      std::tie(back.rows_read, back.rows_filtered, back.rows_rejected, back.rows_written,
               back.source_bytes, back.attempts, back.started_at, back.finished_at),
      std::tie(record.rows_read, record.rows_filtered, record.rows_rejected, record.rows_written,
               record.source_bytes, record.attempts, record.started_at, record.finished_at));
  EXPECT_EQ(db().text("SET timezone = 'UTC'; SELECT started_at, source_bytes, error FROM etl_ledger"
                      " WHERE partition = 'another'"),
            "2023-11-14 22:13:20.123456+00|NULL|NULL");

  EXPECT_TRUE(sink->committed("pipeline", "other sink").empty());
  EXPECT_TRUE(sink->committed("other", "sink").empty());
}

TEST_F(LedgerTest, FailedBecomesDoneAndNeverBack) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  const etl::WriteRequest request = request_for("p");
  etl::LedgerRecord failed = record_for(request, 0, etl::State::failed);
  failed.error = std::string("broken \xFF\0 record", 16);
  sink->record(failed);
  ASSERT_EQ(sink->committed("pipeline", "sink").size(), 1U);
  EXPECT_EQ(sink->committed("pipeline", "sink")[0].error, "broken \uFFFD\uFFFD record");

  load(*sink, request, simple_batch(0, 5));
  sink->record(failed);
  sink->record(record_for(request, 0, etl::State::missing));
  const etl::LedgerRecord found = sink->committed("pipeline", "sink").at(0);
  EXPECT_EQ(found.state, etl::State::done);
  EXPECT_EQ(found.rows_written, 5);
  EXPECT_EQ(found.error, "");
}

TEST_F(LedgerTest, OnlyADoneRecordWaitsForTheDisk) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  (void)db().text(
      "ALTER TABLE etl_ledger ADD COLUMN sync text DEFAULT current_setting('synchronous_commit')");
  sink->record(record_for(request_for("absent"), 0, etl::State::missing));
  load(*sink, request_for("loaded"), simple_batch(0, 5));
  EXPECT_EQ(db().text("SELECT sync FROM etl_ledger ORDER BY partition"), "off\non");
}

TEST_F(LedgerTest, AnIdWithANulByteIsRefusedAndNotCutShort) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  const etl::Error error =
      error_of([&] { load(*sink, request_for(std::string("p\0q", 3)), simple_batch(0, 1)); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  EXPECT_CONTAINS(error.message(), "[22021]");
}

TEST_F(LedgerTest, ADonePartitionIsNotOpenedAgain) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  load(*sink, request_for("p", "run-1"), simple_batch(0, 5));
  const etl::Error error =
      error_of([&] { static_cast<void>(sink->open(request_for("p", "run-2"), simple_schema())); });
  EXPECT_EQ(error.code(), etl::Code::conflict);
  EXPECT_CONTAINS(error.message(), "run-1");
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "5");
}

// Both write the rows of the same partition, then both commit, as two processes may.
TEST_F(LedgerTest, OfTwoRunsOneWinsAndTheOthersRowsAreNotThere) {
  for (const bool upserts : {false, true}) {
    const TestSink::Given given = upserts ? upsert({"id"}, "u") : append("a");
    TestSink first(given);
    TestSink second(given);
    first->prepare(simple_schema());
    for (int round = 0; round < 10; ++round) {
      const std::string partition = given.table + std::to_string(round);
      std::barrier together(2);
      std::atomic<int> won = 0;
      std::atomic<int> conflicts = 0;
      const auto run = [&](TestSink& sink, const std::string& id) {
        const etl::WriteRequest request = request_for(partition, id);
        postgres::PostgresWriter writer = sink->open(request, simple_schema());
        writer.write(simple_batch(std::int64_t{1000} * round, 1000, id));
        together.arrive_and_wait();
        try {
          writer.commit(record_for(request, 1000));
          ++won;
        } catch (const etl::Error& error) {
          EXPECT_EQ(error.code(), etl::Code::conflict) << error.message();
          ++conflicts;
        }
      };
      std::thread other([&] { run(second, "run-2"); });
      run(first, "run-1");
      other.join();
      EXPECT_EQ(won, 1);
      EXPECT_EQ(conflicts, 1);
    }
    // Every row was written by the run that the ledger names.
    EXPECT_EQ(db().text("SELECT count(*), count(DISTINCT id), (SELECT count(*) FROM " +
                        given.table + " JOIN etl_ledger ON partition = '" + given.table +
                        "' || id / 1000 AND run_id = title)"
                        " FROM " +
                        given.table),
              "10000|10000|10000");
  }
}

TEST_F(LedgerTest, TheLoserWaitsForTheWinnersCommit) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  const etl::WriteRequest request = request_for("p");
  Session other(dsn());
  other.run(
      "BEGIN; INSERT INTO etl_ledger VALUES ('pipeline', 'source', 'sink', 'p', 'done', 0, 0, 0, "
      "0, '', 0,"
      " '', 'other', 1, NULL, now(), now())");
  std::optional<etl::Error> error;
  std::thread loser([&] { error = error_of([&] { load(*sink, request, simple_batch(0, 10)); }); });
  EXPECT_TRUE(wait_for_lock());
  other.run("COMMIT");
  loser.join();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), etl::Code::conflict);
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "0");
  EXPECT_EQ(sink->committed("pipeline", "sink").at(0).run_id, "other");
}

TEST_F(LedgerTest, ManyPartitionsLoadAtOnce) {
  const etl::Schema schema = simple_schema();
  TestSink sink(upsert({"id"}));
  sink->prepare(schema);
  std::vector<std::thread> threads;
  threads.reserve(6);
  for (int worker = 0; worker < 6; ++worker) {
    threads.emplace_back([&, worker] {
      for (int round = 0; round < 5; ++round) {
        // Overlapping keys in opposite orders: without the order of the key these would deadlock.
        etl::BatchBuilder builder(schema);
        for (std::int64_t i = 0; i < 2000; ++i) builder.row(worker % 2 == 0 ? i : 1999 - i, "x");
        const std::string id = std::to_string(worker) + "-" + std::to_string(round);
        EXPECT_NO_THROW(load(*sink, request_for(id), builder.finish()));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "2000");
  EXPECT_EQ(db().value("SELECT count(*) FROM etl_ledger WHERE state = 'done'"), "30");
}

TEST_F(LedgerTest, APooledConnectionIsNeverHandedOutWithinATransaction) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  { const auto unused = sink->open(request_for("p"), simple_schema()); }
  load(*sink, request_for("q"), simple_batch(0, 1));
  EXPECT_EQ(sessions(), 1);
  EXPECT_EQ(sessions("state = 'idle'"), 1);
}

}  // namespace
}  // namespace postgres_test
