#include "sink_fixture.hpp"

#include <atomic>
#include <thread>

namespace postgres_test {
namespace {

class FailureTest : public SinkTest {
 protected:
  // Retries transient errors, as the runner does.
  static bool succeeds(const std::function<void()>& body) {
    try {
      body();
      return true;
    } catch (const etl::Error& error) {
      EXPECT_EQ(error.code(), etl::Code::transient) << error.message();
      return false;
    }
  }

  struct Unanswered {
    etl::WriteRequest request;
    etl::Error error{etl::Code::internal, "the commit was answered"};
    int partitions = 0;  // that were loaded, this one included
  };
  // Loads a partition whose COMMIT takes effect but waits for a standby that does not exist; calls
  // `then` meanwhile.
  Unanswered commit_unanswered(TestSink& sink, const std::function<void()>& then) {
    db().run("SET synchronous_commit = local");
    db().run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    db().run("SELECT pg_reload_conf()");
    Unanswered lost;
    // The setting takes effect after a delay; until then, loads end as usual.
    EXPECT_TRUE(wait_until([&] {
      lost.request = request_for("p" + std::to_string(lost.partitions++), "run-7");
      std::atomic<bool> ended = false;
      bool answered = true;
      std::thread loader([&] {
        try {
          load(*sink, lost.request, simple_batch(0, 3));
        } catch (const etl::Error& error) {
          lost.error = error;
          answered = false;
        }
        ended = true;
      });
      EXPECT_TRUE(wait_until([&] { return ended || sessions("wait_event = 'SyncRep'") != 0; }));
      if (!ended) then();
      loader.join();
      return !answered;
    }));
    db().run("ALTER SYSTEM RESET synchronous_standby_names");
    db().run("SELECT pg_reload_conf()");
    return lost;
  }
};

TEST_F(FailureTest, ABackendEndedInMidCopyIsTransientAndTheSinkGoesOn) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  const etl::WriteRequest request = request_for("p");
  const etl::Error error = error_of([&] {
    postgres::PostgresWriter writer = sink->open(request, simple_schema());
    const etl::Batch batch = simple_batch(0, 100'000, std::string(100, 'x'));
    writer.write(batch);
    EXPECT_EQ(terminate_sinks(), 1);
    for (int i = 0; i < 20; ++i) writer.write(batch);
    writer.commit(record_for(request, 2'100'000));
  });
  EXPECT_EQ(error.code(), etl::Code::transient);
  EXPECT_CONTAINS(error.message(), "copying into table public.t: ");
  EXPECT_CONTAINS(error.message(), "terminating connection due to administrator command");
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "0");
  load(*sink, request, simple_batch(0, 3));
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "3");
}

TEST_F(FailureTest, ABackendEndedBeforeTheCommitIsTransient) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  const etl::WriteRequest request = request_for("p");
  const etl::Error error = error_of([&] {
    postgres::PostgresWriter writer = sink->open(request, simple_schema());
    writer.write(simple_batch(0, 3));
    EXPECT_EQ(terminate_sinks(), 1);
    writer.commit(record_for(request, 3));
  });
  EXPECT_EQ(error.code(), etl::Code::transient);
  EXPECT_LACKS(error.message(), "unknown");
  EXPECT_EQ(db().value("SELECT count(*) FROM etl_ledger"), "0");
}

TEST_F(FailureTest, ADeadPooledConnectionIsReplacedUnseen) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  EXPECT_EQ(terminate_sinks(), 1);
  EXPECT_NO_THROW(load(*sink, request_for("p"), simple_batch(0, 3)));
}

TEST_F(FailureTest, AConnectionLostInCommitLeavesTheOutcomeOpen) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  db().run(
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
      " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';"
      "CREATE CONSTRAINT TRIGGER ends AFTER INSERT ON etl_ledger DEFERRABLE INITIALLY DEFERRED"
      " FOR EACH ROW EXECUTE FUNCTION f()");
  const etl::Error error = error_of([&] { load(*sink, request_for("p"), simple_batch(0, 1)); });
  EXPECT_EQ(error.code(), etl::Code::transient);
  EXPECT_CONTAINS(error.message(), "committing: ");
  EXPECT_CONTAINS(error.message(), "unknown until etl_ledger is read again");
  EXPECT_EQ(db().value("SELECT count(*) FROM etl_ledger"), "0");
}

// The server commits without an answer: the ledger tells the retry that it was this run.
TEST_F(FailureTest, ACommitWhoseAnswerIsLostIsFoundInTheLedger) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  const Unanswered lost = commit_unanswered(sink, [&] { terminate_sinks(); });
  EXPECT_EQ(lost.error.code(), etl::Code::transient);
  EXPECT_CONTAINS(lost.error.message(), "unknown");
  EXPECT_EQ(error_of([&] { load(*sink, lost.request, simple_batch(0, 3)); }).code(),
            etl::Code::conflict);
  EXPECT_EQ(sink->committed("pipeline", "sink").back().run_id, "run-7");
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), std::to_string(3 * lost.partitions));
}

// Takes 5 s: cancellation waits that long for a commit.
TEST_F(FailureTest, CancellingInACommitSaysThatTheOutcomeIsNotKnown) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  const Unanswered lost = commit_unanswered(sink, [&] { sink.host.cancel(); });
  EXPECT_EQ(lost.error.code(), etl::Code::cancelled);
  EXPECT_CONTAINS(lost.error.message(), "unknown");
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), std::to_string(3 * lost.partitions));
}

TEST_F(FailureTest, AFailedCommitSaysWhy) {
  db().run("CREATE TABLE t (id bigint UNIQUE DEFERRABLE INITIALLY DEFERRED, title text)");
  TestSink sink(append());
  sink->prepare(simple_schema());
  load(*sink, request_for("p"), simple_batch(0, 2));
  const etl::Error error = error_of([&] { load(*sink, request_for("q"), simple_batch(1, 2)); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  EXPECT_CONTAINS(error.message(), "Key (id)=(1) already exists");
  EXPECT_CONTAINS(error.message(), "[23505]");
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "2");
}

TEST_F(FailureTest, ARestartedServerIsFoundAgain) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  const etl::WriteRequest request = request_for("p");
  std::optional<etl::Error> lost;
  std::optional<etl::Error> down;
  {
    postgres::PostgresWriter writer = sink->open(request, simple_schema());
    writer.write(simple_batch(0, 50'000));
    cluster().stop("immediate");
    lost = error_of([&] { writer.commit(record_for(request, 50'000)); });
    down = error_of([&] { static_cast<void>(sink->open(request, simple_schema())); });
    EXPECT_EQ(error_of([&] { static_cast<void>(sink->inspect(simple_schema())); }).code(),
              etl::Code::transient);
  }
  cluster().start();
  EXPECT_EQ(lost->code(), etl::Code::transient);
  EXPECT_EQ(down->code(), etl::Code::transient);
  EXPECT_CONTAINS(down->message(), cluster().directory());
  EXPECT_TRUE(
      wait_until([&] { return succeeds([&] { load(*sink, request, simple_batch(0, 3)); }); }));
  EXPECT_EQ(Session(dsn()).value("SELECT count(*) FROM t"), "3");
}

TEST_F(FailureTest, CancellingEndsTheWaitForALock) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  Session other(dsn());
  other.run("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
  std::optional<etl::Error> error;
  std::thread loader(
      [&] { error = error_of([&] { load(*sink, request_for("p"), simple_batch(0, 3)); }); });
  EXPECT_TRUE(wait_for_lock());
  sink.host.cancel();
  loader.join();  // hangs if it does not work: the lock is still there
  EXPECT_EQ(error->code(), etl::Code::cancelled);
  // The server's side has ended too.
  EXPECT_TRUE(wait_until([&] { return sessions() == 0; }));
  other.run("ROLLBACK");
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "0");
}

TEST_F(FailureTest, CancellingEndsACopyThatTheServerDoesNotRead) {
  // The check waits: the server reads no more rows, and the socket fills up.
  db().run(
      "CREATE TABLE gate ();"
      "CREATE FUNCTION f() RETURNS boolean LANGUAGE plpgsql AS"
      " 'BEGIN LOCK TABLE gate; RETURN true; END';"
      "CREATE TABLE t (id bigint, title text, CHECK (f()))");
  TestSink sink(append());
  sink->prepare(simple_schema());
  Session other(dsn());
  other.run("BEGIN; LOCK TABLE gate");
  std::optional<etl::Error> error;
  std::thread loader([&] {
    error = error_of(
        [&] { load(*sink, request_for("p"), simple_batch(0, 200'000, std::string(200, 'x'))); });
  });
  EXPECT_TRUE(wait_for_lock());
  sink.host.cancel();
  loader.join();
  EXPECT_EQ(error->code(), etl::Code::cancelled);
}

TEST_F(FailureTest, ACancelledHostGetsNothingStarted) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  {
    const etl::WriteRequest request = request_for("p");
    postgres::PostgresWriter writer = sink->open(request, simple_schema());
    writer.write(simple_batch(0, 3));
    sink.host.cancel();
    EXPECT_EQ(error_of([&] { writer.commit(record_for(request, 3)); }).code(),
              etl::Code::cancelled);
  }
  EXPECT_EQ(error_of([&] { static_cast<void>(sink->committed("pipeline", "sink")); }).code(),
            etl::Code::cancelled);
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "0");
}

TEST_F(FailureTest, AReadOnlyDatabaseIsWorthAnotherTry) {
  TestSink owner(append());
  owner->prepare(simple_schema());
  db().run("ALTER DATABASE " + database() + " SET default_transaction_read_only = on");
  TestSink sink(append());
  sink->prepare(simple_schema());  // there is nothing to create
  const etl::Error error = error_of([&] { load(*sink, request_for("p"), simple_batch(0, 3)); });
  EXPECT_EQ(error.code(), etl::Code::transient);
  EXPECT_CONTAINS(error.message(), "read-only transaction");
  EXPECT_CONTAINS(error.message(), "[25006]");
}

TEST_F(FailureTest, TheServersLimitsAreItsOwn) {
  TestSink owner(append());
  owner->prepare(simple_schema());
  Session other(dsn());
  other.run("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
  TestSink::Given given = append();
  given.dsn += " options='-c lock_timeout=50ms'";
  TestSink sink(given);
  const etl::Error error = error_of([&] { load(*sink, request_for("p"), simple_batch(0, 3)); });
  EXPECT_EQ(error.code(), etl::Code::transient);
  EXPECT_CONTAINS(error.message(), "[55P03]");
}

TEST_F(FailureTest, ATableThatVanishesIsPermanent) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  db().run("DROP TABLE t");
  const etl::Error error = error_of([&] { load(*sink, request_for("p"), simple_batch(0, 3)); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  EXPECT_CONTAINS(error.message(), "[42P01]");
}

}  // namespace
}  // namespace postgres_test
