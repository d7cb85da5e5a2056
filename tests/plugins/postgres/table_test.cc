#include "sink_fixture.hpp"

#include <thread>

namespace postgres_test {
namespace {

class TableTest : public SinkTest {
 protected:
  etl::Error misfit(const std::string& create, const etl::Schema& schema = simple_schema()) {
    db().run("DROP TABLE IF EXISTS t; " + create);
    TestSink sink(append());
    etl::Error seen = error_of([&] { static_cast<void>(sink->inspect(schema)); });
    const etl::Error prepared = error_of([&] { sink->prepare(schema); });
    EXPECT_EQ(seen.message(), prepared.message());
    EXPECT_EQ(seen.code(), etl::Code::config);
    EXPECT_EQ(seen.option(), "table");
    EXPECT_EQ(db().value("SELECT to_regclass('etl_ledger')"), "NULL");  // all or nothing
    return seen;
  }
};

TEST_F(TableTest, InspectTellsWhatPrepareWouldDoAndDoesNothing) {
  TestSink sink(upsert({"id"}));
  const etl::Target target = sink->inspect(simple_schema());
  EXPECT_EQ(target.name, "public.t");
  EXPECT_CONTAINS(
      target.ddl,
      "CREATE TABLE \"public\".\"t\" (\n  \"id\" bigint NOT NULL,\n  \"title\" text NOT NULL,\n"
      "  PRIMARY KEY (\"id\")\n);\nCREATE TABLE \"public\".\"etl_ledger\" (");
  EXPECT_EQ(db().value("SELECT count(*) FROM pg_class WHERE relname IN ('t', 'etl_ledger')"), "0");
  EXPECT_TRUE(sink->committed("pipeline", "sink").empty());

  db().run(target.ddl);  // they are the statements themselves
  EXPECT_EQ(sink->inspect(simple_schema()).ddl, "");
  EXPECT_NO_THROW(sink->prepare(simple_schema()));
}

TEST_F(TableTest, TheLedgerIsAsTheContractHasIt) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  EXPECT_EQ(db().text("SELECT column_name, data_type FROM information_schema.columns"
                      " WHERE table_name = 'etl_ledger' ORDER BY ordinal_position"),
            "pipeline|text\nsource|text\nsink|text\npartition|text\nstate|text\nrows_read|bigint\n"
            "rows_filtered|bigint\nrows_rejected|bigint\nrows_written|bigint\nsource_uri|text\n"
            "source_bytes|bigint\ndefinition|text\nrun_id|text\nattempts|bigint\nerror|text\n"
            "started_at|timestamp with time zone\nfinished_at|timestamp with time zone");
  EXPECT_EQ(db().value("SELECT pg_get_constraintdef(oid) FROM pg_constraint"
                       " WHERE conrelid = 'etl_ledger'::regclass"),
            "PRIMARY KEY (pipeline, source, sink, partition)");
}

TEST_F(TableTest, EveryMisfitIsNamedAtOnce) {
  const etl::Error error = misfit(
      "CREATE TABLE t (id text, title varchar(9), extra int NOT NULL, fine int NOT NULL DEFAULT 1, "
      "free int)",
      {{"id", etl::Type::int64}, {"title", etl::Type::utf8}, {"hour", etl::Type::timestamp_s}});
  EXPECT_CONTAINS(
      error.message(),
      "table public.t does not fit: column \"id\" is text (needed: bigint for int64); ");
  EXPECT_CONTAINS(error.message(),
                  "column \"hour\" is missing (needed: timestamptz for timestamp[s])");
  EXPECT_CONTAINS(error.message(), "column \"extra\" is integer NOT NULL without a default");
  for (const char* fine : {"\"title\"", "\"fine\"", "\"free\""})
    EXPECT_LACKS(error.message(), fine);
}

TEST_F(TableTest, TypesThatOnlyLookAlikeAreRefused) {
  for (const char* type : {"integer", "numeric", "smallint", "real"}) {
    const std::string create = std::string("CREATE TABLE t (id ") + type + ", title text)";
    EXPECT_CONTAINS(misfit(create).message(),
                    std::string("column \"id\" is ") + type + " (needed: bigint for int64)");
  }
  EXPECT_CONTAINS(misfit("CREATE TABLE t (id bigint, title char(5))").message(),
                  "is character(5) (needed: text for utf8)");
  EXPECT_CONTAINS(
      misfit("CREATE TABLE t (at timestamp)", {{"at", etl::Type::timestamp_us}}).message(),
      "is timestamp without time zone (needed: timestamptz for timestamp[us])");
}

TEST_F(TableTest, ColumnsThatTakeNoValueAreRefused) {
  EXPECT_CONTAINS(
      misfit("CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY, title text)").message(),
      "column \"id\" is generated");
  EXPECT_CONTAINS(
      misfit("CREATE TABLE t (id bigint, n int, title text GENERATED ALWAYS AS ('x') STORED)")
          .message(),
      "column \"title\" is generated");
}

TEST_F(TableTest, AViewIsNoTable) {
  db().run("CREATE VIEW t AS SELECT 1::bigint AS id, ''::text AS title");
  TestSink sink(append());
  EXPECT_CONTAINS(error_of([&] { static_cast<void>(sink->inspect(simple_schema())); }).message(),
                  "is a view");
}

TEST_F(TableTest, UpsertNeedsAUniqueIndexOnExactlyTheKey) {
  const etl::Schema schema = {{"a", etl::Type::int64}, {"b", etl::Type::int64}};
  const auto fault = [&](const std::string& constraint) -> std::string {
    db().run("DROP TABLE IF EXISTS t; CREATE TABLE t (a bigint, b bigint); " + constraint);
    try {
      static_cast<void>(TestSink(upsert({"a", "b"}))->inspect(schema));
    } catch (const etl::Error& error) {
      EXPECT_EQ(error.option(), "table");
      return error.message();
    }
    return {};
  };
  EXPECT_EQ(fault("ALTER TABLE t ADD PRIMARY KEY (b, a)"), "");
  EXPECT_EQ(fault("CREATE UNIQUE INDEX ON t (a, b)"), "");
  EXPECT_EQ(fault("CREATE UNIQUE INDEX ON t (a); CREATE UNIQUE INDEX ON t (b, a)"), "");
  for (const char* unfit :
       {"", "CREATE INDEX ON t (a, b)", "CREATE UNIQUE INDEX ON t (a)",
        "CREATE UNIQUE INDEX ON t (a, b) WHERE a > 0", "CREATE UNIQUE INDEX ON t (a, (b + 1))",
        "CREATE UNIQUE INDEX ON t (a) INCLUDE (b)", "ALTER TABLE t ADD UNIQUE (a, b) DEFERRABLE"}) {
    EXPECT_CONTAINS(fault(unfit),
                    "no PRIMARY KEY or UNIQUE index on exactly the key (\"a\", \"b\")");
  }
}

TEST_F(TableTest, TheSearchPathDecidesWhereAnUnqualifiedTableIs) {
  db().run("CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE b.t (id bigint, title text)");
  TestSink::Given given = append();
  given.dsn += " options='-c search_path=a,b'";
  EXPECT_EQ(TestSink(given)->inspect(simple_schema()).name, "b.t");
  given.table = "fresh";
  EXPECT_EQ(TestSink(given)->inspect(simple_schema()).name, "a.fresh");
  given.dsn = dsn() + " options='-c search_path=nowhere'";
  const etl::Error error =
      error_of([&] { static_cast<void>(TestSink(given)->inspect(simple_schema())); });
  EXPECT_EQ(error.code(), etl::Code::config);
  EXPECT_CONTAINS(error.message(), "no schema of the search_path exists");
}

TEST_F(TableTest, AMissingSchemaIsNotCreated) {
  TestSink sink(append("nowhere.t"));
  const etl::Error error = error_of([&] { sink->prepare(simple_schema()); });
  EXPECT_EQ(error.code(), etl::Code::config);
  EXPECT_EQ(error.option(), "table");
  EXPECT_CONTAINS(error.message(), "there is no schema \"nowhere\"");
}

TEST_F(TableTest, ALedgerOfAnotherMakeIsRefused) {
  db().run("CREATE TABLE etl_ledger (pipeline text, state integer)");
  TestSink sink(append());
  const etl::Error error = error_of([&] { static_cast<void>(sink->inspect(simple_schema())); });
  EXPECT_EQ(error.code(), etl::Code::config);
  EXPECT_CONTAINS(error.message(), "table public.etl_ledger does not fit");
  EXPECT_CONTAINS(error.message(), "column \"state\" is integer (needed: text for utf8)");
}

TEST_F(TableTest, ManyMayPrepareAtOnce) {
  for (int round = 0; round < 5; ++round) {
    db().run("DROP TABLE IF EXISTS t, etl_ledger");
    std::vector<std::unique_ptr<TestSink>> sinks;
    for (int i = 0; i < 6; ++i) sinks.push_back(std::make_unique<TestSink>(append()));
    std::vector<std::thread> threads;
    threads.reserve(sinks.size());
    for (const auto& sink : sinks) {
      threads.emplace_back([&] { EXPECT_NO_THROW((*sink)->prepare(simple_schema())); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(db().value("SELECT count(*) FROM pg_class WHERE relname IN ('t', 'etl_ledger')"),
              "2");
  }
}

// A loader's rights: it may use the tables that a database owner has created for it.
TEST_F(TableTest, ARoleWithoutCreateMayLoadIntoExistingTables) {
  TestSink owner(append());
  owner->prepare(simple_schema());
  db().run(
      "DROP ROLE IF EXISTS loader; CREATE ROLE loader LOGIN;"
      "GRANT SELECT, INSERT ON t TO loader; GRANT SELECT, INSERT, UPDATE ON etl_ledger TO loader");
  {
    TestSink::Given given = append();
    given.dsn += " user=loader";
    TestSink sink(given);
    sink->prepare(simple_schema());
    load(*sink, request_for("p"), simple_batch(0, 2));
    given.table = "other";
    const etl::Error error = error_of([&] { TestSink(given)->prepare(simple_schema()); });
    EXPECT_EQ(error.code(), etl::Code::permanent);
    EXPECT_CONTAINS(error.message(), "[42501]");
  }
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "2");
  db().run("DROP OWNED BY loader; DROP ROLE loader");
}

// ---- without a server
// -----------------------------------------------------------------------------

TestSink::Given nowhere() { return {"host=/nonexistent", "t"}; }

TEST(CheckTest, LooksAtColumnsWithoutConnecting) {
  TestSink sink(nowhere());
  EXPECT_NO_THROW(sink->check(simple_schema()));
  EXPECT_NO_THROW(
      sink->check({{std::string(63, 'x'), etl::Type::int64}, {"\u4e2d", etl::Type::int64}}));
  const auto fault = [&](const etl::Schema& schema) {
    const etl::Error error = error_of([&] { sink->check(schema); });
    EXPECT_EQ(error.code(), etl::Code::config);
    return error.message();
  };
  EXPECT_CONTAINS(fault({}), "0 columns");
  EXPECT_CONTAINS(fault(etl::Schema(std::vector<etl::Field>(1601, {"x", etl::Type::int64}))),
                  "1601 columns");
  EXPECT_CONTAINS(fault({{"a", etl::Type::int64}, {"a", etl::Type::utf8}}), "two columns \"a\"");
  EXPECT_CONTAINS(fault({{"", etl::Type::int64}}), "empty");
  EXPECT_CONTAINS(fault({{std::string(62, 'x') + "ü", etl::Type::int64}}), "64 bytes");
  EXPECT_CONTAINS(fault({{"\xFF", etl::Type::int64}}), "not UTF-8");
}

TEST(CheckTest, TheKeyMustBeThereOnceAndFitTheMode) {
  TestSink sink({"host=/nonexistent", "t", "upsert", {"id", "hour"}});
  const etl::Error missing = error_of([&] { sink->check(simple_schema()); });
  EXPECT_EQ(missing.option(), "key");
  EXPECT_CONTAINS(missing.message(), "no column \"hour\"; available: \"id\", \"title\"");
  const TestSink::Given wrong[] = {
      {"", "t", "upsert", {}}, {"", "t", "append", {"id"}}, {"", "t", "upsert", {"id", "id"}}};
  for (const TestSink::Given& given : wrong) {
    const etl::Error error = error_of([&] { const TestSink refused(given); });
    EXPECT_EQ(error.code(), etl::Code::config);
    EXPECT_EQ(error.option(), "key");
  }
}

TEST(CheckTest, TheLedgerIsNoTarget) {
  const etl::Error error = error_of([] { TestSink({"", "public.etl_ledger"}); });
  EXPECT_EQ(error.code(), etl::Code::config);
  EXPECT_EQ(error.option(), "table");
}

TEST(StageTest, DescribesItselfToTheHost) {
  const etl_stage& stage = etl::detail::stage_of<postgres::PostgresSink>;
  EXPECT_STREQ(stage.name, "postgres");
  EXPECT_EQ(stage.kind, static_cast<std::uint32_t>(ETL_SINK));
  EXPECT_EQ(stage.flags, static_cast<std::uint32_t>(ETL_STAGE_TRANSACTIONAL));
  EXPECT_EQ(stage.max_writers, 0U);
  ASSERT_GT(stage.option_count, 0U);
  EXPECT_EQ(etl::detail::to_view(stage.options[0].name), "dsn");
  EXPECT_EQ(stage.options[0].flags, ETL_OPTION_SECRET | ETL_OPTION_OPERATIONAL);
}

}  // namespace
}  // namespace postgres_test
