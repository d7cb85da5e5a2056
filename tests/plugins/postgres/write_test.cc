#include "sink_fixture.hpp"

#include <array>
#include <cstring>
#include <limits>
#include <random>

namespace postgres_test {
namespace {

class WriteTest : public SinkTest {};

constexpr std::string_view nasty[] = {
    "",    "back\\slash \\N \\. \\t", "tab\there", "line\nfeed", "carriage\r", "it's \"quoted\"",
    ",;|", "größe \u20ac \U0001F600", "NULL",      "\\"};

TEST_F(WriteTest, EveryTypeArrivesAsItIs) {
  const etl::Schema schema = {{"b", etl::Type::boolean},      {"i", etl::Type::int32},
                              {"l", etl::Type::int64},        {"d", etl::Type::float64},
                              {"u", etl::Type::utf8},         {"z", etl::Type::binary},
                              {"ts", etl::Type::timestamp_s}, {"tu", etl::Type::timestamp_us}};
  etl::BatchBuilder builder(schema);
  builder.row(true, std::numeric_limits<std::int32_t>::min(),
              std::numeric_limits<std::int64_t>::max(), 0.1, "text",
              std::string_view("\0\xFF\\", 3), std::int64_t{1'472'331'600}, std::int64_t{-1});
  builder.row(false, 0, std::numeric_limits<std::int64_t>::min(),
              -std::numeric_limits<double>::infinity(), "", "", std::int64_t{0},
              std::int64_t{951'827'696'000'001});
  TestSink sink(append());
  sink->prepare(schema);
  load(*sink, request_for("p"), builder.finish());
  db().run("SET timezone = 'UTC'");
  EXPECT_EQ(db().text("SELECT * FROM t ORDER BY i"),
            "t|-2147483648|9223372036854775807|0.1|text|\\x00ff5c|2016-08-27 21:00:00+00|"
            "1969-12-31 23:59:59.999999+00\n"
            "f|0|-9223372036854775808|-Infinity||\\x|1970-01-01 00:00:00+00|2000-02-29 "
            "12:34:56.000001+00");
  EXPECT_EQ(
      db().text("SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
                " WHERE attrelid = 't'::regclass AND attnum > 0 ORDER BY attnum"),
      "b|boolean|t\ni|integer|t\nl|bigint|t\nd|double precision|t\nu|text|t\nz|bytea|t\n"
      "ts|timestamp with time zone|t\ntu|timestamp with time zone|t");
}

TEST_F(WriteTest, NullsOfEveryTypeAndSlices) {
  const etl::Schema schema = {{"n", etl::Type::int64},
                              {"b", etl::Type::boolean, true},
                              {"i", etl::Type::int32, true},
                              {"l", etl::Type::int64, true},
                              {"d", etl::Type::float64, true},
                              {"u", etl::Type::utf8, true},
                              {"z", etl::Type::binary, true},
                              {"ts", etl::Type::timestamp_s, true},
                              {"tu", etl::Type::timestamp_us, true}};
  etl::BatchBuilder builder(schema);
  const auto some = [](std::int64_t n, bool present, auto value) {
    return present ? std::optional(value) : (static_cast<void>(n), std::nullopt);
  };
  std::string expected;
  for (std::int64_t n = 0; n < 40; ++n) {
    const bool is = n % 3 != 0;
    builder.row(n, some(n, is, n % 2 == 0), some(n, is, static_cast<std::int32_t>(n)),
                some(n, is, n * 10), some(n, is, static_cast<double>(n) / 2),
                some(n, is, std::string("t").append(std::to_string(n))),
                some(n, is, std::string("z")), some(n, is, n), some(n, is, n * 1'000'000));
    if (n < 11 || n >= 35) continue;  // what the slice leaves out
    const std::string number = std::to_string(n);
    const std::string half = std::to_string(n / 2) + (n % 2 == 0 ? "" : ".5");
    expected += expected.empty() ? "" : "\n";
    expected += number;
    for (const std::string& value :
         {std::string(n % 2 == 0 ? "t" : "f"), number, std::to_string(n * 10), half,
          std::string("t").append(number), std::string("\\x7a"), number, number}) {
      expected.append("|").append(is ? value : "NULL");
    }
  }
  TestSink sink(append());
  sink->prepare(schema);
  load(*sink, request_for("p"), builder.finish().slice(11, 24));
  EXPECT_EQ(
      db().text(
          "SELECT n, b, i, l, d, u, z, extract(epoch FROM ts)::int, extract(epoch FROM tu)::int"
          " FROM t ORDER BY n"),
      expected);
}

TEST_F(WriteTest, TextsArriveByteForByte) {
  etl::BatchBuilder builder(simple_schema());
  std::int64_t id = 0;
  for (const std::string_view text : nasty) builder.row(id++, text);
  TestSink sink(append());
  sink->prepare(simple_schema());
  load(*sink, request_for("p"), builder.finish());
  const auto rows = db().query("SELECT title FROM t ORDER BY id");
  ASSERT_EQ(rows.size(), std::size(nasty));
  for (std::size_t row = 0; row < rows.size(); ++row) EXPECT_EQ(rows[row][0], nasty[row]);
}

// A hand-made column of views: texts of up to 12 bytes within the view, longer ones in a buffer.
TEST_F(WriteTest, TextViewsArriveToo) {
  const std::string far = "a text of more than twelve bytes, and another one";
  std::array<etl::detail::TextView, 4> views{};
  views[0].size = 5;
  std::memcpy(views[0].inlined, "short", 5);
  views[1].size = 33;
  views[1].far = {{'a', ' ', 't', 'e'}, 0, 0};
  views[2].size = 0;
  views[3].size = 15;
  views[3].far = {{'a', 'n', 'd', ' '}, 0, 34};
  const std::uint8_t valid = 0b1011;
  const std::int64_t far_size = static_cast<std::int64_t>(far.size());
  const void* buffers[] = {&valid, views.data(), far.data(), &far_size};

  ArrowArray child{};
  child.length = 4;
  child.null_count = 1;
  child.n_buffers = 4;
  child.buffers = buffers;
  child.release = [](ArrowArray* array) { array->release = nullptr; };
  std::vector<etl::detail::OwnedArray> columns;
  columns.emplace_back(&child);
  const auto schema =
      std::make_shared<const etl::Schema>(etl::Schema{{"title", etl::Type::utf8_view, true}});
  etl::Batch batch(etl::detail::StructExport::make(std::move(columns), 4), schema);

  TestSink sink(append());
  sink->prepare(*schema);
  load(*sink, request_for("p"), std::move(batch));
  EXPECT_EQ(db().text("SELECT title FROM t"),
            "short\na text of more than twelve bytes,\nNULL\nand another one");
}

// Random rows, read back as the server's text and compared with their origin.
TEST_F(WriteTest, ManyRandomRowsInManyBatches) {
  const etl::Schema schema = {
      {"n", etl::Type::int64}, {"i", etl::Type::int32, true}, {"u", etl::Type::utf8, true}};
  TestSink sink(append());
  sink->prepare(schema);
  std::mt19937 random(20160827);  // NOLINT(cert-msc32-c,cert-msc51-cpp): repeatable on purpose
  const etl::WriteRequest request = request_for("p");
  std::vector<Session::Row> expected;
  {
    postgres::PostgresWriter writer = sink->open(request, schema);
    std::int64_t n = 0;
    for (int batches = 0; batches < 20; ++batches) {
      etl::BatchBuilder builder(schema);
      for (std::uint64_t rows = random() % 3000; rows > 0; --rows, ++n) {
        std::optional<std::int32_t> number;
        if (random() % 5 != 0) number = static_cast<std::int32_t>(random());
        std::optional<std::string> text;
        if (random() % 5 != 0)
          text = std::string(random() % 400, static_cast<char>('a' + random() % 26));
        builder.row(n, number, text);
        expected.push_back({std::to_string(n),
                            number ? std::optional(std::to_string(*number)) : std::nullopt, text});
      }
      writer.write(builder.finish());
    }
    writer.commit(record_for(request, n));
  }
  EXPECT_EQ(db().query("SELECT * FROM t ORDER BY n"), expected);
}

TEST_F(WriteTest, NamesMayBeAnything) {
  const etl::Schema schema = {{"Größe \"x\"", etl::Type::int64},
                              {"select", etl::Type::utf8},
                              {"a.b; --", etl::Type::int64}};
  db().run("CREATE SCHEMA \"My Schema\"");
  for (const char* mode : {"append", "upsert"}) {
    const bool upserts = std::string_view(mode) == "upsert";
    const std::string table = std::string("My Schema.\"Page.Views ") + mode + "\"";
    TestSink sink({dsn(), table, mode, upserts ? etl::Strings{"Größe \"x\""} : etl::Strings{}});
    sink->prepare(schema);
    etl::BatchBuilder builder(schema);
    builder.row(std::int64_t{1}, "one", std::int64_t{11});
    load(*sink, request_for(mode), builder.finish());
    EXPECT_EQ(db().text(std::string("SELECT \"Größe \"\"x\"\"\", \"select\", \"a.b; --\" FROM \"My "
                                    "Schema\".\"Page.Views ") +
                        mode + "\""),
              "1|one|11");
  }
  EXPECT_EQ(db().value("SELECT count(*) FROM \"My Schema\".etl_ledger"), "2");
}

TEST_F(WriteTest, APartitionWithoutRowsIsDoneAllTheSame) {
  for (const char* mode : {"append", "upsert"}) {
    const bool upserts = std::string_view(mode) == "upsert";
    TestSink sink(
        {dsn(), std::string("t_") + mode, mode, upserts ? etl::Strings{"id"} : etl::Strings{}});
    sink->prepare(simple_schema());
    const etl::WriteRequest request = request_for(mode);
    sink->open(request, simple_schema()).commit(record_for(request, 0));
    load(*sink, request_for(std::string(mode) + " empty batch"), simple_batch(0, 0));
    EXPECT_EQ(db().value(std::string("SELECT count(*) FROM t_") + mode), "0");
  }
  EXPECT_EQ(db().value("SELECT count(*) FROM etl_ledger WHERE state = 'done'"), "4");
}

TEST_F(WriteTest, WithoutCommitNothingIsThere) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  { sink->open(request_for("p"), simple_schema()).write(simple_batch(0, 50'000)); }
  { const auto unused = sink->open(request_for("p"), simple_schema()); }
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "0");
  load(*sink, request_for("p"), simple_batch(0, 3));
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "3");
}

TEST_F(WriteTest, UpsertLetsTheLaterRowWin) {
  const etl::Schema schema = {
      {"lang", etl::Type::utf8}, {"views", etl::Type::int64}, {"id", etl::Type::int64}};
  TestSink sink(upsert({"id", "lang"}));
  sink->prepare(schema);
  const auto batch = [&](std::initializer_list<std::pair<const char*, std::int64_t>> rows) {
    etl::BatchBuilder builder(schema);
    for (const auto& [lang, views] : rows) builder.row(lang, views, std::int64_t{7});
    return builder.finish();
  };
  const etl::WriteRequest first = request_for("first");
  {
    postgres::PostgresWriter writer = sink->open(first, schema);
    writer.write(batch({{"fr", 1}, {"de", 2}, {"fr", 3}}));
    writer.write(batch({{"fr", 4}, {"en", 5}, {"fr", 2}}));
    writer.commit(record_for(first, 6));
  }
  EXPECT_EQ(db().text("SELECT lang, views FROM t ORDER BY lang"), "de|2\nen|5\nfr|2");
  load(*sink, request_for("second"), batch({{"en", 50}, {"it", 60}}));
  EXPECT_EQ(db().text("SELECT lang, views FROM t ORDER BY lang"), "de|2\nen|50\nfr|2\nit|60");
}

TEST_F(WriteTest, UpsertOfNothingButKeysKeepsOneOfEach) {
  const etl::Schema schema = {{"id", etl::Type::int64}};
  TestSink sink(upsert({"id"}));
  sink->prepare(schema);
  for (const char* partition : {"a", "b"}) {
    etl::BatchBuilder builder(schema);
    for (const std::int64_t id : {1, 2, 2, 1}) builder.row(id);
    load(*sink, request_for(partition), builder.finish());
  }
  EXPECT_EQ(db().text("SELECT id FROM t ORDER BY id"), "1\n2");
}

TEST_F(WriteTest, UpsertWorksWithAColumnNamedLikeItsOwn) {
  const etl::Schema schema = {{"etl_ordinal", etl::Type::int64}, {"x", etl::Type::int64}};
  TestSink sink(upsert({"etl_ordinal"}));
  sink->prepare(schema);
  etl::BatchBuilder builder(schema);
  builder.row(std::int64_t{9}, std::int64_t{1});
  builder.row(std::int64_t{9}, std::int64_t{2});
  load(*sink, request_for("p"), builder.finish());
  EXPECT_EQ(db().text("SELECT * FROM t"), "9|2");
}

TEST_F(WriteTest, ColumnsOfAnExistingTableMayBeInAnyOrderAndMore) {
  db().run(
      "CREATE TABLE t (note text DEFAULT 'none', title varchar(20), serial bigserial, id bigint "
      "NOT NULL)");
  TestSink sink(append());
  sink->prepare(simple_schema());
  load(*sink, request_for("p"), simple_batch(5, 2));
  EXPECT_EQ(db().text("SELECT note, title, serial, id FROM t ORDER BY id"),
            "none|title|1|5\nnone|title|2|6");
}

// Data that the server refuses: the error has its message, context and code; the table stays empty.
TEST_F(WriteTest, AServersRefusalNamesTheRow) {
  db().run("CREATE TABLE t (id bigint CHECK (id <> 3), title text)");
  TestSink sink(append());
  sink->prepare(simple_schema());
  const etl::Error error = error_of([&] { load(*sink, request_for("p"), simple_batch(1, 5)); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  for (const char* part :
       {"public.t", "violates check constraint", "COPY t, line 3", "(3, title)", "[23514]"}) {
    EXPECT_CONTAINS(error.message(), part);
  }
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "0");
  EXPECT_EQ(db().value("SELECT count(*) FROM etl_ledger"), "0");
}

TEST_F(WriteTest, InvalidUtf8AndNulBytesAreRefusedByName) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  const etl::Error invalid =
      error_of([&] { load(*sink, request_for("p"), simple_batch(1, 1, "a\xFF")); });
  EXPECT_EQ(invalid.code(), etl::Code::permanent);
  EXPECT_CONTAINS(invalid.message(), "line 1, column title");
  EXPECT_CONTAINS(invalid.message(), "[22021]");
  const etl::Error nul =
      error_of([&] { load(*sink, request_for("p"), simple_batch(1, 1, std::string("a\0b", 3))); });
  EXPECT_EQ(nul.code(), etl::Code::permanent);
  EXPECT_CONTAINS(nul.message(), "column \"title\", row 1 of the partition");
  load(*sink, request_for("p"), simple_batch(1, 1));
  EXPECT_EQ(db().text("SELECT * FROM t"), "1|title");
}

TEST_F(WriteTest, RowsThatATriggerDropsAreNotSilentlyLost) {
  db().run(
      "CREATE TABLE t (id bigint, title text);"
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
      " 'BEGIN IF NEW.id = 2 THEN RETURN NULL; END IF; RETURN NEW; END';"
      "CREATE TRIGGER drops BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()");
  TestSink sink(append());
  sink->prepare(simple_schema());
  const etl::Error error = error_of([&] { load(*sink, request_for("p"), simple_batch(1, 3)); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  EXPECT_CONTAINS(error.message(),
                  "table public.t does not have 1 of 3 rows as they were sent: its triggers "
                  "(drops) drop or change some");
  EXPECT_EQ(db().value("SELECT count(*) FROM t"), "0");
}

TEST_F(WriteTest, ADatabaseOfAnotherEncodingConvertsOrRefuses) {
  for (const char* encoding : {"SQL_ASCII", "LATIN1"}) {
    const std::string other = database() + "_" + encoding;
    db().run("CREATE DATABASE \"" + other + "\" ENCODING '" + encoding +
             "' LOCALE 'C' TEMPLATE template0");
    {
      TestSink sink({cluster().dsn(other), "t"});
      sink->prepare(simple_schema());
      load(*sink, request_for("p"), simple_batch(1, 1, "größe"));
      Session session(cluster().dsn(other) + " client_encoding=UTF8");
      EXPECT_EQ(session.text("SELECT title FROM t"), "größe");
      if (std::string_view(encoding) == "LATIN1") {
        const etl::Error error =
            error_of([&] { load(*sink, request_for("q"), simple_batch(1, 1, "\u4e2d")); });
        EXPECT_EQ(error.code(), etl::Code::permanent);
        EXPECT_CONTAINS(error.message(), "[22P05]");
      }
    }
    db().run("DROP DATABASE \"" + other + "\" WITH (FORCE)");
  }
}

TEST_F(WriteTest, TellsTheHostOfItsBuffers) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  const etl::WriteRequest request = request_for("p");
  {
    postgres::PostgresWriter writer = sink->open(request, simple_schema());
    EXPECT_EQ(sink.host.held(), 0);
    writer.write(simple_batch(0, 3000, std::string(1000, 'x')));
    EXPECT_GE(sink.host.held(), 128 << 10) << "ours, and libpq's copy of it";
    EXPECT_LE(sink.host.held(), 512 << 10);
    writer.commit(record_for(request, 3000));
  }
  EXPECT_GE(sink.host.held(), 64 << 10) << "the idle connection keeps libpq's";
  EXPECT_LE(sink.host.held(), 256 << 10);
  sink.destroy();
  EXPECT_EQ(sink.host.held(), 0);
}

}  // namespace
}  // namespace postgres_test
