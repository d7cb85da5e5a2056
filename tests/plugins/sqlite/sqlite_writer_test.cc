#include "plugins/sqlite/sqlite_writer.hpp"

#include "support.hpp"

#include <map>
#include <random>

namespace {

using namespace sqlite_tests;

const Schema schema{{"title", Type::utf8}, {"views", Type::int64}};

class SqliteWriterTest : public testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> rows(const std::string& table = "t") const {
    return PlainDatabase(options_.path)
        .rows("SELECT * FROM " + sql::quoted(table) + " ORDER BY 1, 2");
  }
  [[nodiscard]] std::string count(const std::string& table) const {
    return PlainDatabase(options_.path).value("SELECT count(*) FROM " + table);
  }
  std::unique_ptr<sqlite::SqliteSink> prepared(const Schema& columns = schema) {
    auto sink = options_.make(host_.context());
    sink->prepare(columns);
    return sink;
  }

  TemporaryFolder folder_;
  FakeHost host_;
  SinkOptions options_{folder_.file("w.db")};
};

TEST_F(SqliteWriterTest, CommitsRowsAndLedgerTogether) {
  const auto sink = prepared();
  load(*sink, schema, request_for("p0"), {});  // readers of a file's first load wait
  {
    auto writer = sink->open(request_for("p1"), schema);
    writer.write(batch_of<std::string, std::int64_t>(schema, {}));
    writer.write(batch_of<std::string, std::int64_t>(schema, {{"a", 1}, {"b", 2}}));
    writer.write(batch_of<std::string, std::int64_t>(schema, {{"a", 1}}));
    EXPECT_EQ(count("t"), "0");
    EXPECT_EQ(count("etl_ledger"), "1");
    writer.commit(record_for("p1", 3));
  }
  EXPECT_EQ(rows(), (std::vector<std::string>{"'a'|1", "'a'|1", "'b'|2"}));
  EXPECT_EQ(
      PlainDatabase(options_.path)
          .value("SELECT partition, state, rows_written FROM etl_ledger WHERE partition = 'p1'"),
      "'p1'|'done'|3");
}

TEST_F(SqliteWriterTest, RollsBackWhatIsNotCommitted) {
  const auto sink = prepared();
  {
    auto writer = sink->open(request_for("p1"), schema);
    writer.write(batch_of<std::string, std::int64_t>(schema, {{"a", 1}}));
  }
  EXPECT_EQ(count("t"), "0");
  EXPECT_EQ(count("etl_ledger"), "0");
  load(*sink, schema, request_for("p1"), batches_of<std::string, std::int64_t>(schema, {{"b", 2}}));
  EXPECT_EQ(rows(), (std::vector<std::string>{"'b'|2"}));
}

TEST_F(SqliteWriterTest, CommitsAPartitionWithoutRows) {
  const auto sink = prepared();
  load(*sink, schema, request_for("empty"), {});
  EXPECT_EQ(sink->committed("pipe", "db").at(0).rows_written, 0);
}

TEST_F(SqliteWriterTest, ConflictsWithWhatIsDone) {
  const auto sink = prepared();
  load(*sink, schema, request_for("p1"), batches_of<std::string, std::int64_t>(schema, {{"a", 1}}));
  const auto error = error_of([&] { (void)sink->open(request_for("p1"), schema); });
  EXPECT_EQ(error.code(), Code::conflict);
  expect_contains(error.message(), {"p1", options_.path, "run-1"});
  load(*sink, schema, request_for("p2"), batches_of<std::string, std::int64_t>(schema, {{"a", 1}}));
  EXPECT_EQ(count("t"), "2");
}

TEST_F(SqliteWriterTest, ReplacesAFailedRecord) {
  const auto sink = prepared();
  sink->record(record_for("p1", 0, etl::State::failed));
  load(*sink, schema, request_for("p1"), batches_of<std::string, std::int64_t>(schema, {{"a", 1}}));
  EXPECT_EQ(sink->committed("pipe", "db").at(0).state, etl::State::done);
}

TEST_F(SqliteWriterTest, IsUselessAfterAnError) {
  options_.path = folder_.file("constraint.db");
  PlainDatabase(options_.path).run("CREATE TABLE t (title TEXT, views INTEGER CHECK (views < 10))");
  const auto sink = prepared();
  {
    auto writer = sink->open(request_for("p1"), schema);
    writer.write(batch_of<std::string, std::int64_t>(schema, {{"a", 1}}));
    const auto error = error_of([&] {
      writer.write(batch_of<std::string, std::int64_t>(schema, {{"b", 2}, {"c", 10}}));
    });
    EXPECT_EQ(error.code(), Code::permanent);
    expect_contains(error.message(),
                    {"while writing to table \"t\" in " + options_.path, "CHECK constraint failed",
                     "views < 10", "SQLITE_CONSTRAINT_CHECK, 275"});
    EXPECT_EQ(error_of([&] { writer.commit(record_for("p1", 1)); }).code(), Code::internal);
    EXPECT_EQ(error_of([&] {
                writer.write(batch_of<std::string, std::int64_t>(schema, {{"d", 1}}));
              }).code(),
              Code::internal);
  }
  EXPECT_EQ(count("t"), "0");
  EXPECT_EQ(count("etl_ledger"), "0");
  load(*sink, schema, request_for("p1"), batches_of<std::string, std::int64_t>(schema, {{"a", 1}}));
  EXPECT_EQ(rows(), (std::vector<std::string>{"'a'|1"}));
}

TEST_F(SqliteWriterTest, NamesTheColumnsOfAViolatedConstraint) {
  PlainDatabase(options_.path).run("CREATE TABLE t (title TEXT UNIQUE, views INTEGER NOT NULL)");
  const Schema nullable{{"title", Type::utf8}, {"views", Type::int64, true}};
  const auto sink = prepared(nullable);
  using Nullable = std::optional<std::int64_t>;
  for (const auto& [row, words] :
       {std::pair(std::tuple<std::string, Nullable>("a", 2), "UNIQUE constraint failed: t.title"),
        std::pair(std::tuple<std::string, Nullable>("b", {}),
                  "NOT NULL constraint failed: t.views")}) {
    auto writer = sink->open(request_for("p1"), nullable);
    writer.write(batch_of<std::string, Nullable>(nullable, {{"a", 1}}));
    const auto error = error_of(
        [&, &bad = row] { writer.write(batch_of<std::string, Nullable>(nullable, {bad})); });
    EXPECT_EQ(error.code(), Code::permanent);
    expect_contains(error.message(), {words, "table \"t\""});
  }
}

TEST_F(SqliteWriterTest, RefusesATableThatDropsRows) {
  PlainDatabase(options_.path)
      .run(
          "CREATE TABLE t (title TEXT, views INTEGER); CREATE TRIGGER few BEFORE INSERT ON t"
          " WHEN new.views > 5 BEGIN SELECT raise(IGNORE); END");
  const auto sink = prepared();
  auto writer = sink->open(request_for("p1"), schema);
  const auto error = error_of([&] {
    writer.write(batch_of<std::string, std::int64_t>(schema, {{"a", 1}, {"b", 6}, {"c", 7}}));
  });
  EXPECT_EQ(error.code(), Code::permanent);
  expect_contains(error.message(), {"\"t\"", "took 1 of 3 rows", "trigger"});
}

TEST_F(SqliteWriterTest, RefusesBatchesOfOtherColumns) {
  const auto sink = prepared();
  auto writer = sink->open(request_for("p1"), schema);
  const Schema other{{"title", Type::utf8}, {"hits", Type::int64}};
  EXPECT_EQ(error_of([&] {
              writer.write(batch_of<std::string, std::int64_t>(other, {{"a", 1}}));
            }).code(),
            Code::internal);
}

TEST_F(SqliteWriterTest, CommitsNothingButDone) {
  const auto sink = prepared();
  auto writer = sink->open(request_for("p1"), schema);
  EXPECT_EQ(error_of([&] { writer.commit(record_for("p1", 0, etl::State::failed)); }).code(),
            Code::internal);
  EXPECT_EQ(count("etl_ledger"), "0");
}

TEST_F(SqliteWriterTest, WritesToTablesOfAnyName) {
  const Schema odd{{"select", Type::utf8}, {"a \"b\"", Type::int64}, {"données", Type::int32}};
  for (const std::string name :
       {"it's \"quoted\"", "таблица", "excluded", "target", "etl_batch", "order", "a.b"}) {
    for (const std::string mode : {"append", "upsert"}) {
      options_.path =
          folder_.file("odd-" + mode + std::to_string(std::hash<std::string>()(name)) + ".db");
      options_.table = name;
      options_.mode = mode;
      options_.key =
          mode == "upsert" ? std::vector<std::string>{"select"} : std::vector<std::string>{};
      const auto sink = prepared(odd);
      load(*sink, odd, request_for("p1"),
           batches_of<std::string, std::int64_t, int>(odd, {{"x", 1, 2}, {"y", 3, 4}}));
      EXPECT_EQ(rows(name), (std::vector<std::string>{"'x'|1|2", "'y'|3|4"})) << name;
      EXPECT_EQ(sink->inspect(odd).ddl, "") << name;
    }
  }
}

// ---- upsert ------------------------------------------------------------------------------------

class Upsert : public SqliteWriterTest {
 protected:
  Upsert() {
    options_.mode = "upsert";
    options_.key = {"title"};
  }
};

TEST_F(Upsert, LaterRowsWin) {
  const auto sink = prepared();
  {
    auto writer = sink->open(request_for("p1"), schema);
    writer.write(batch_of<std::string, std::int64_t>(schema, {{"a", 1}, {"b", 2}, {"a", 3}}));
    writer.write(batch_of<std::string, std::int64_t>(schema, {{"b", 4}, {"c", 5}, {"c", 6}}));
    writer.commit(record_for("p1", 6));
  }
  EXPECT_EQ(rows(), (std::vector<std::string>{"'a'|3", "'b'|4", "'c'|6"}));
  load(*sink, schema, request_for("p2"),
       batches_of<std::string, std::int64_t>(schema, {{"c", 7}, {"A", 8}}));
  EXPECT_EQ(rows(), (std::vector<std::string>{"'A'|8", "'a'|3", "'b'|4", "'c'|7"}));
}

TEST_F(Upsert, AgreesWithAMapOfRandomRows) {
  const Schema wide{{"views", Type::int64},
                    {"day", Type::timestamp_s},
                    {"title", Type::utf8},
                    {"note", Type::utf8, true}};
  options_.key = {"day", "title"};
  const auto sink = prepared(wide);
  std::mt19937_64 random(4);
  std::map<std::pair<std::int64_t, std::string>, std::string> expected;
  for (int partition = 0; partition < 4; ++partition) {
    auto writer = sink->open(request_for("p" + std::to_string(partition)), wide);
    for (int batch = 0; batch < 5; ++batch) {
      etl::BatchBuilder builder(wide);
      for (int row = 0; row < 300; ++row) {
        const std::int64_t day = static_cast<std::int64_t>(random() % 10) * 86400;
        const std::string title(1, static_cast<char>('a' + random() % 26));
        const auto views = static_cast<std::int64_t>(random() % 1000);
        const auto note =
            views % 2 == 0 ? std::optional<std::string>("n" + std::to_string(views)) : std::nullopt;
        builder.row(views, day, title, note);
        expected[{day, title}] = std::to_string(views) + "|" + (note ? "'" + *note + "'" : "NULL");
      }
      writer.write(builder.finish());
    }
    writer.commit(record_for("p" + std::to_string(partition), 1500));
  }
  std::vector<std::string> lines;
  lines.reserve(expected.size());
  for (const auto& [key, rest] : expected) {
    lines.push_back(std::to_string(key.first) + "|'" + key.second + "'|" + rest);
  }
  EXPECT_EQ(PlainDatabase(options_.path)
                .rows("SELECT CAST(strftime('%s', day) AS INTEGER), title, views, note FROM t "
                      "ORDER BY day, title"),
            lines);
}

TEST_F(Upsert, KeepsColumnsThatItDoesNotWrite) {
  PlainDatabase(options_.path)
      .run(
          "CREATE TABLE t (title TEXT UNIQUE, note TEXT, views INTEGER); INSERT INTO t VALUES "
          "('a', 'mine', 1)");
  const auto sink = prepared();
  load(*sink, schema, request_for("p1"), batches_of<std::string, std::int64_t>(schema, {{"a", 2}}));
  EXPECT_EQ(rows(), (std::vector<std::string>{"'a'|'mine'|2"}));
}

TEST_F(Upsert, WorksWhereEveryColumnIsInTheKey) {
  options_.key = {"views", "title"};
  const auto sink = prepared();
  load(*sink, schema, request_for("p1"),
       batches_of<std::string, std::int64_t>(schema, {{"a", 1}, {"a", 1}, {"a", 2}}));
  EXPECT_EQ(rows(), (std::vector<std::string>{"'a'|1", "'a'|2"}));
}

TEST_F(Upsert, WorksWithAnIntegerKey) {
  options_.key = {"views"};
  const auto sink = prepared();
  load(*sink, schema, request_for("p1"),
       batches_of<std::string, std::int64_t>(schema, {{"a", 1}, {"b", -5}, {"c", 1}}));
  EXPECT_EQ(rows(), (std::vector<std::string>{"'b'|-5", "'c'|1"}));
}

TEST_F(Upsert, RefusesRowsWithoutAKey) {
  // SQLite would fill a NULL rowid, and in a UNIQUE index NULL equals no other NULL.
  for (const char* table : {"CREATE TABLE t (title TEXT, views INTEGER PRIMARY KEY)",
                            "CREATE TABLE t (title TEXT, views INTEGER UNIQUE)", "SELECT 1"}) {
    std::filesystem::remove(options_.path);
    PlainDatabase(options_.path).run(table);
    const Schema nullable{{"title", Type::utf8}, {"views", Type::int64, true}};
    options_.key = {"views"};
    const auto sink = prepared(nullable);
    using Nullable = std::optional<std::int64_t>;
    {
      auto writer = sink->open(request_for("p1"), nullable);
      writer.write(batch_of<std::string, Nullable>(nullable, {{"a", 1}}));
      const auto error = error_of([&] {
        writer.write(batch_of<std::string, Nullable>(nullable, {{"a", 1}, {"b", {}}}));
      });
      EXPECT_EQ(error.code(), Code::permanent);
      expect_contains(error.message(), {"\"views\"", "table \"t\"", "NULL in row 2"});
    }
    EXPECT_EQ(count("t"), "0");
  }
}

// ---- memory ------------------------------------------------------------------------------------

TEST_F(SqliteWriterTest, NeedsNoMoreMemoryForALargerPartition) {
  const auto sink = prepared();
  const auto peak_of = [&](const std::string& partition, std::int64_t batches) {
    sqlite3_memory_highwater(1);
    auto writer = sink->open(request_for(partition), schema);
    const std::string title(2000, 'x');
    for (std::int64_t i = 0; i < batches; ++i) {
      etl::BatchBuilder builder(schema);
      for (std::int64_t row = 0; row < 1000; ++row) builder.row(title, row);
      writer.write(builder.finish());
    }
    writer.commit(record_for(partition, batches * 1000));
    return sqlite3_memory_highwater(0);
  };
  (void)peak_of("first", 1);                // which has another journal
  const auto small = peak_of("small", 12);  // 24 MB: more than the page cache holds
  const auto large = peak_of("large", 60);
  EXPECT_GT(small, 8 << 20);
  EXPECT_LT(large, small + (2 << 20));
}

/// Compared with SQLite's own count of its heap, nearly all of which is the page cache.
TEST_F(SqliteWriterTest, TellsTheHostOfItsPageCache) {
  auto sink = prepared();
  const std::string title(2000, 'x');
  const auto write = [&](const std::string& partition, std::int64_t batches) {
    auto writer = sink->open(request_for(partition), schema);
    for (std::int64_t i = 0; i < batches; ++i) {
      etl::BatchBuilder builder(schema);
      for (std::int64_t row = 0; row < 1000; ++row) builder.row(title, row);
      writer.write(builder.finish());
    }
    EXPECT_GT(host_.held(), sqlite3_memory_used() * 8 / 10);
    EXPECT_LE(host_.held(), sqlite3_memory_used());
    writer.commit(record_for(partition, batches * 1000));
  };
  write("first", 1);  // its change of the journal empties the cache
  write("small", 2);
  const std::int64_t idle = host_.held();
  EXPECT_GT(idle, 3 << 20) << "the idle connection keeps its pages";
  EXPECT_LE(idle, sqlite3_memory_used());
  write("large", 20);
  EXPECT_LT(host_.held(), 18 << 20);
  sink.reset();
  EXPECT_EQ(host_.held(), 0);
}

}  // namespace
