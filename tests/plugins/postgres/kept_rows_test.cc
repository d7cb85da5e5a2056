// Tables that would not keep rows as they were sent: found before the load, or the load fails.
#include "sink_fixture.hpp"

namespace postgres_test {
namespace {

/// A table `t` with triggers whose function has the given body.
class TriggerTest : public SinkTest {
 protected:
  void make_table(const std::string& body, const std::string& trigger) {
    db().run(
        "DROP TABLE IF EXISTS t, etl_ledger; DROP FUNCTION IF EXISTS f;"
        "CREATE TABLE t (id bigint PRIMARY KEY, title text, note text);"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN " +
        body + " END$f$; CREATE " + trigger + " EXECUTE FUNCTION f()");
  }
  /// Loads five rows. Returns the error's message, or an empty text if the table has them all.
  std::string load_into(const TestSink::Given& given) {
    TestSink sink(given);
    sink->prepare(simple_schema());
    try {
      load(*sink, request_for("p"), simple_batch(1, 5));
    } catch (const etl::Error& error) {
      EXPECT_EQ(error.code(), etl::Code::permanent);
      EXPECT_EQ(db().value("SELECT count(*) FROM etl_ledger"), "0");
      return error.message();
    }
    EXPECT_EQ(db().text("SELECT id, title FROM t ORDER BY id"),
              "1|title\n2|title\n3|title\n4|title\n5|title");
    return {};
  }
  /// The same in both modes.
  std::string loaded() {
    const std::string appended = load_into(append());
    db().run("TRUNCATE t, etl_ledger");
    EXPECT_EQ(load_into(upsert({"id"})), appended);
    return appended;
  }
};

TEST_F(TriggerTest, RowsThatAreDroppedFailThePartition) {
  make_table("IF NEW.id < 3 THEN RETURN NULL; END IF; RETURN NEW;",
             "TRIGGER drops BEFORE INSERT ON t FOR EACH ROW");
  EXPECT_EQ(loaded(),
            "table public.t does not have 2 of 5 rows as they were sent: its triggers (drops) drop "
            "or change some");
}

TEST_F(TriggerTest, ChangedValuesFailThePartition) {
  make_table("NEW.title := upper(NEW.title); RETURN NEW;",
             "TRIGGER shouts BEFORE INSERT OR UPDATE ON t FOR EACH ROW");
  EXPECT_CONTAINS(loaded(), "does not have 5 of 5 rows as they were sent: its triggers (shouts)");
}

TEST_F(TriggerTest, ChangesAfterTheInsertAreSeenToo) {
  for (const char* after : {"AFTER INSERT ON t FOR EACH ROW", "AFTER INSERT ON t"}) {
    make_table("DELETE FROM t WHERE id = 2; RETURN NULL;", std::string("TRIGGER later ") + after);
    EXPECT_CONTAINS(loaded(), "does not have 1 of 5 rows");
  }
  make_table(
      "UPDATE t SET title = 'x' WHERE id = 2; RETURN NULL;",
      "CONSTRAINT TRIGGER last AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW");
  EXPECT_CONTAINS(loaded(), "does not have 1 of 5 rows");
}

TEST_F(TriggerTest, OtherColumnsAndTablesMayBeWritten) {
  make_table("NEW.note := now()::text; RETURN NEW;",
             "TRIGGER stamps BEFORE INSERT OR UPDATE ON t FOR EACH ROW");
  EXPECT_EQ(loaded(), "");
  db().run("CREATE TABLE log (id bigint)");
  make_table("INSERT INTO log VALUES (NEW.id); RETURN NULL;",
             "TRIGGER logs AFTER INSERT ON t FOR EACH ROW");
  EXPECT_EQ(loaded(), "");
  EXPECT_EQ(db().value("SELECT count(*) FROM log"), "10");
}

TEST_F(TriggerTest, UpdatesThatChangeNothingMayBeSkipped) {
  db().run(
      "CREATE TABLE t (id bigint PRIMARY KEY, title text);"
      "CREATE TRIGGER skips BEFORE UPDATE ON t FOR EACH ROW"
      " EXECUTE FUNCTION suppress_redundant_updates_trigger()");
  TestSink sink(upsert({"id"}));
  sink->prepare(simple_schema());
  load(*sink, request_for("p"), simple_batch(1, 5));
  EXPECT_NO_THROW(load(*sink, request_for("q"), simple_batch(1, 6)));
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "6");
}

TEST_F(TriggerTest, UpdatesThatAreLostFailThePartition) {
  make_table("RETURN NULL;", "TRIGGER freezes BEFORE UPDATE ON t FOR EACH ROW");
  TestSink sink(upsert({"id"}));
  sink->prepare(simple_schema());
  load(*sink, request_for("p"), simple_batch(1, 5));
  EXPECT_NO_THROW(load(*sink, request_for("equal"), simple_batch(1, 5)));
  const etl::Error error =
      error_of([&] { load(*sink, request_for("other"), simple_batch(5, 2, "new")); });
  EXPECT_CONTAINS(error.message(), "does not have 1 of 2 rows as they were sent");
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "5");
}

TEST_F(TriggerTest, ThoseOfPartitionsCountToo) {
  for (const TestSink::Given& given : {append(), upsert({"id"})}) {
    db().run(
        "DROP TABLE IF EXISTS t, etl_ledger; DROP FUNCTION IF EXISTS f;"
        "CREATE TABLE t (id bigint PRIMARY KEY, title text) PARTITION BY RANGE (id);"
        "CREATE TABLE low PARTITION OF t FOR VALUES FROM (MINVALUE) TO (3);"
        "CREATE TABLE high PARTITION OF t FOR VALUES FROM (3) TO (MAXVALUE);"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN IF NEW.id = 4 THEN RETURN NULL; END IF; RETURN NEW; END';"
        "CREATE TRIGGER drops BEFORE INSERT ON high FOR EACH ROW EXECUTE FUNCTION f()");
    EXPECT_CONTAINS(load_into(given), "does not have 1 of 5 rows as they were sent");
    db().run("DROP TRIGGER drops ON high");
    EXPECT_EQ(load_into(given), "");
  }
}

TEST_F(TriggerTest, EqualRowsAreToldFromThoseThatWereThere) {
  db().run(
      "CREATE TABLE t (id bigint, title text);"
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
      " 'BEGIN IF NEW.id = 2 AND EXISTS (SELECT 1 FROM t WHERE id = 2) THEN RETURN NULL; END IF;"
      " RETURN NEW; END';"
      "CREATE TRIGGER once BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()");
  TestSink sink(append());
  sink->prepare(simple_schema());
  load(*sink, request_for("p"), simple_batch(1, 3));
  const etl::Error error = error_of([&] { load(*sink, request_for("q"), simple_batch(1, 3)); });
  EXPECT_CONTAINS(error.message(), "does not have 1 of 3 rows as they were sent");
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "3");
}

TEST_F(TriggerTest, ThatAppearsDuringARunCounts) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  load(*sink, request_for("p"), simple_batch(1, 3));
  db().run(
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
      "CREATE TRIGGER drops BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()");
  EXPECT_CONTAINS(error_of([&] { load(*sink, request_for("q"), simple_batch(4, 3)); }).message(),
                  "does not have 3 of 3 rows");
}

class DurableTest : public SinkTest {
 protected:
  /// The reason why both inspect() and prepare() refuse the table.
  std::string fault(const std::string& sql, const TestSink::Given& given) {
    db().run("DROP TABLE IF EXISTS t, etl_ledger; DROP VIEW IF EXISTS v; " + sql);
    TestSink sink(given);
    const etl::Error seen = error_of([&] { (void)sink->inspect(simple_schema()); });
    EXPECT_EQ(seen.message(), error_of([&] { sink->prepare(simple_schema()); }).message());
    EXPECT_EQ(seen.code(), etl::Code::config);
    EXPECT_EQ(seen.option(), "table");
    return seen.message();
  }
};

TEST_F(DurableTest, UnloggedTablesAndPartitionsAreRefused) {
  EXPECT_CONTAINS(fault("CREATE UNLOGGED TABLE t (id bigint, title text)", append()),
                  "table public.t does not fit: it is UNLOGGED");
  EXPECT_CONTAINS(fault("CREATE TABLE t (id bigint, title text) PARTITION BY LIST (id);"
                        "CREATE TABLE one PARTITION OF t FOR VALUES IN (1);"
                        "CREATE UNLOGGED TABLE two PARTITION OF t FOR VALUES IN (2)",
                        append()),
                  "its partition two is UNLOGGED");
  TestSink sink(append());
  db().run("DROP TABLE t");
  sink->prepare(simple_schema());
  db().run("ALTER TABLE etl_ledger SET UNLOGGED");
  EXPECT_CONTAINS(error_of([&] { (void)sink->inspect(simple_schema()); }).message(),
                  "table public.etl_ledger does not fit: it is UNLOGGED");
}

TEST_F(DurableTest, ATableThatLosesItsLogDuringARunIsRefused) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  load(*sink, request_for("p"), simple_batch(1, 3));
  db().run("ALTER TABLE t SET UNLOGGED");
  EXPECT_CONTAINS(error_of([&] { load(*sink, request_for("q"), simple_batch(4, 3)); }).message(),
                  "UNLOGGED");
}

TEST_F(DurableTest, ForeignPartitionsAreRefused) {
  db().run(
      "CREATE EXTENSION IF NOT EXISTS file_fdw;"
      "CREATE SERVER IF NOT EXISTS files FOREIGN DATA WRAPPER file_fdw");
  EXPECT_CONTAINS(fault("CREATE TABLE t (id bigint, title text) PARTITION BY LIST (id);"
                        "CREATE FOREIGN TABLE far PARTITION OF t FOR VALUES IN (1) SERVER files"
                        " OPTIONS (filename '/dev/null')",
                        append()),
                  "its partition far is not a table of this database");
  db().run("DROP TABLE t; DROP EXTENSION file_fdw CASCADE");
}

TEST_F(DurableTest, RulesThatAnUpsertCannotFollowAreRefused) {
  const std::string table =
      "CREATE TABLE t (id bigint PRIMARY KEY, title text);"
      "CREATE RULE nothing AS ON INSERT TO t DO INSTEAD NOTHING";
  EXPECT_CONTAINS(fault(table, upsert({"id"})), "rules (nothing) rewrite its INSERT or UPDATE");
  // COPY does not follow rules.
  db().run("DROP TABLE t; " + table);
  TestSink sink(append());
  sink->prepare(simple_schema());
  load(*sink, request_for("p"), simple_batch(1, 3));
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "3");
}

TEST_F(DurableTest, RowsThatAPolicyMayHideAreRefused) {
  TestSink(append())->prepare(simple_schema());
  db().run(
      "DROP ROLE IF EXISTS loader; CREATE ROLE loader LOGIN;"
      "GRANT ALL ON t, etl_ledger TO loader; ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
      "CREATE POLICY upper_half ON t USING (id > 2) WITH CHECK (true)");
  {
    TestSink::Given given = append();
    given.dsn += " user=loader";
    EXPECT_CONTAINS(error_of([&] { (void)TestSink(given)->inspect(simple_schema()); }).message(),
                    "row-level security hides rows of it from role \"loader\"");
    EXPECT_NO_THROW((void)TestSink(append())->inspect(simple_schema())) << "a superuser";
  }
  db().run("DROP OWNED BY loader; DROP ROLE loader");
}

TEST_F(DurableTest, TypesThatRoundAreRefused) {
  const auto fits = [&](const std::string& type, etl::Type sent) {
    db().run("DROP TABLE IF EXISTS t; CREATE TABLE t (at " + type + ")");
    try {
      (void)TestSink(append())->inspect({{"at", sent}});
      return true;
    } catch (const etl::Error& error) {
      EXPECT_CONTAINS(error.message(), "column \"at\" is timestamp(");
      return false;
    }
  };
  EXPECT_FALSE(fits("timestamptz(0)", etl::Type::timestamp_us));
  EXPECT_FALSE(fits("timestamptz(3)", etl::Type::timestamp_us));
  EXPECT_TRUE(fits("timestamptz(6)", etl::Type::timestamp_us));
  EXPECT_TRUE(fits("timestamptz", etl::Type::timestamp_us));
  EXPECT_TRUE(fits("timestamptz(0)", etl::Type::timestamp_s)) << "nothing to round";
}

TEST_F(DurableTest, UserDefinedTypesAreRefused) {
  db().run(
      "DROP DOMAIN IF EXISTS public.text; CREATE DOMAIN public.text AS pg_catalog.varchar(3);"
      "ALTER DATABASE " +
      database() + " SET search_path = public, pg_catalog");
  EXPECT_CONTAINS(fault("CREATE TABLE public.t (id bigint, title public.text)", append()),
                  "column \"title\" is ");
  db().run("DROP TABLE public.t; DROP DOMAIN public.text; ALTER DATABASE " + database() +
           " RESET search_path");
  db().run("DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('title')");
  EXPECT_CONTAINS(fault("CREATE TABLE t (id bigint, title mood)", append()),
                  "column \"title\" is mood (needed: text for utf8)");
}

TEST_F(DurableTest, ATextThatWouldBeCutFailsThePartition) {
  for (const TestSink::Given& given : {append(), upsert({"id"})}) {
    db().run(
        "DROP TABLE IF EXISTS t, etl_ledger;"
        "CREATE TABLE t (id bigint PRIMARY KEY, title varchar(3))");
    TestSink sink(given);
    sink->prepare(simple_schema());
    load(*sink, request_for("p"), simple_batch(1, 1, std::string("größe").substr(0, 4)));
    for (const char* text : {"ab  ", "abcd"}) {
      EXPECT_CONTAINS(
          error_of([&] { load(*sink, request_for("q"), simple_batch(2, 1, text)); }).message(),
          "column \"title\", row 1 of the partition: 4 characters, but the column is varchar(3)");
    }
    EXPECT_EQ(db().text("SELECT * FROM t"), "1|grö");
  }
}

TEST_F(DurableTest, KeysThatACollationMakesEqualAreRefused) {
  db().run(
      "CREATE COLLATION IF NOT EXISTS ci (provider = icu, locale = 'und-u-ks-level2',"
      " deterministic = false)");
  EXPECT_CONTAINS(
      fault("CREATE TABLE t (id bigint, title text COLLATE ci PRIMARY KEY)", upsert({"title"})),
      "column \"title\" of the key has the collation \"ci\"");
  EXPECT_CONTAINS(fault("CREATE TABLE t (id bigint, title text NOT NULL);"
                        "CREATE UNIQUE INDEX ON t (title COLLATE ci)",
                        upsert({"title"})),
                  "no PRIMARY KEY or UNIQUE index on exactly the key");
  db().run("DROP TABLE t; CREATE TABLE t (id bigint PRIMARY KEY, title text COLLATE ci)");
  EXPECT_NO_THROW((void)TestSink(upsert({"id"}))->inspect(simple_schema()));
}

TEST_F(DurableTest, TemporarySchemasAreRefused) {
  db().run("CREATE TEMPORARY TABLE t (id bigint, title text)");
  const std::string schema = db().value(
      "SELECT nspname FROM pg_namespace WHERE oid ="
      " pg_my_temp_schema()");
  const etl::Error error =
      error_of([&] { (void)TestSink(append(schema + ".t"))->inspect(simple_schema()); });
  EXPECT_EQ(error.option(), "table");
  EXPECT_CONTAINS(error.message(), "is in the schema of a session's temporary tables");
}

class UnknownRowsTest : public SinkTest {
 protected:
  void SetUp() override {
    db().run("CREATE TABLE t (id bigint, title text); INSERT INTO t VALUES (1)");
  }
  void expect_refused(const std::string& words) {
    TestSink sink(append());
    const etl::Error error = error_of([&] { (void)sink->inspect(simple_schema()); });
    EXPECT_EQ(error.message(), error_of([&] { sink->prepare(simple_schema()); }).message());
    EXPECT_EQ(error.code(), etl::Code::config);
    EXPECT_EQ(error.option(), "table");
    EXPECT_CONTAINS(error.message(), "table public.t has rows, but " + words);
  }
};

TEST_F(UnknownRowsTest, AreRefusedUnlessTheyAreToBeKept) {
  expect_refused("there is no public.etl_ledger");
  TestSink::Given given = append();
  given.existing_rows = "keep";
  TestSink sink(given);
  sink->prepare(simple_schema());
  expect_refused("public.etl_ledger counts none");
  load(*sink, request_for("p"), simple_batch(2, 2));
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "3");
  EXPECT_NO_THROW((void)TestSink(append())->inspect(simple_schema())) << "the ledger counts some";
}

TEST_F(UnknownRowsTest, DoNotDisturbAnUpsert) {
  db().run("ALTER TABLE t ADD PRIMARY KEY (id)");
  TestSink sink(upsert({"id"}));
  sink->prepare(simple_schema());
  load(*sink, request_for("p"), simple_batch(1, 2));
  EXPECT_EQ(db().text("SELECT * FROM t ORDER BY id"), "1|title\n2|title");
}

TEST_F(UnknownRowsTest, AreThoseOfATableThatWasMovedWithoutItsLedger) {
  db().run("DROP TABLE t");
  TestSink sink(append());
  sink->prepare(simple_schema());
  load(*sink, request_for("p"), simple_batch(1, 2));
  db().run("CREATE SCHEMA other; ALTER TABLE t SET SCHEMA other");
  EXPECT_CONTAINS(
      error_of([&] { TestSink(append("other.t"))->prepare(simple_schema()); }).message(),
      "table other.t has rows, but there is no other.etl_ledger");
  db().run("ALTER TABLE etl_ledger SET SCHEMA other");
  EXPECT_EQ(error_of([&] {
              load(*TestSink(append("other.t")), request_for("p"), simple_batch(1, 2));
            }).code(),
            etl::Code::conflict)
      << "the ledger came along";
}

TEST_F(UnknownRowsTest, MayHaveBeenDeletedByRetention) {
  db().run("TRUNCATE t");
  TestSink sink(append());
  sink->prepare(simple_schema());
  load(*sink, request_for("p"), simple_batch(1, 2));
  db().run("DELETE FROM t");
  EXPECT_NO_THROW(TestSink(append())->prepare(simple_schema()));
  load(*sink, request_for("q"), simple_batch(3, 2));
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "2");
}

}  // namespace
}  // namespace postgres_test
