/// What tables do to rows of their own accord: constraints, triggers, collations.
#include "support.hpp"

namespace {

using namespace sqlite_tests;

using Rows = std::vector<std::tuple<std::string, std::int64_t>>;
const Schema schema{{"title", Type::utf8}, {"views", Type::int64}};

class KeptRows : public TableTest<Rows> {
 protected:
  KeptRows() : TableTest(schema) {}
  void set_up(const std::string& sql) {
    std::filesystem::remove(options_.path);
    PlainDatabase(options_.path).run(sql);
  }
  void upsert(const std::vector<std::string>& key) {
    options_.mode = "upsert";
    options_.key = key;
  }
  void load_rows(const std::string& partition, const Rows& rows, bool reload = false) {
    TableTest::load_rows(partition, rows, reload, {"title", partition});
  }
  /// The refusal of the table, the same before a run and, if `sql` comes during it, of a partition.
  std::string refusal(const std::string& table, const std::string& sql) {
    set_up(table + ";" + sql);
    const auto inspected = error_of([&] { (void)options_.make(host_.context())->inspect(schema); });
    EXPECT_EQ(inspected.code(), Code::config);
    EXPECT_EQ(inspected.option(), "table");
    set_up(table);
    const auto sink = options_.make(host_.context());
    sink->prepare(schema);
    load(*sink, schema, request_for("first"), {});
    PlainDatabase(options_.path).run(sql);
    const auto during = error_of([&] { (void)sink->open(request_for("second"), schema); });
    EXPECT_EQ(during.message(), inspected.message());
    return inspected.message();
  }
  /// The refusal of rows, of which then none is there.
  std::string refused_rows(const Rows& rows) {
    const std::string before = value("SELECT count(*) FROM t");
    const auto error = error_of([&] { load_rows("bad", rows); });
    EXPECT_EQ(error.code(), Code::permanent);
    EXPECT_EQ(value("SELECT count(*) FROM t"), before);
    EXPECT_EQ(value("SELECT count(*) FROM etl_ledger WHERE \"partition\" = 'bad'"), "0");
    return error.message();
  }
  [[nodiscard]] std::vector<std::string> rows() const {
    return PlainDatabase(options_.path).rows("SELECT title, views FROM t ORDER BY 1, 2");
  }
};

TEST_F(KeptRows, NoConstraintReplacesOrIgnoresThemSilently) {
  for (const char* table :
       {"CREATE TABLE t (title TEXT, views INTEGER, PRIMARY KEY (title) ON CONFLICT REPLACE)",
        "CREATE TABLE t (title TEXT PRIMARY KEY ON CONFLICT REPLACE, views) WITHOUT ROWID",
        "CREATE TABLE t (title TEXT UNIQUE ON CONFLICT IGNORE, views INTEGER)",
        "CREATE TABLE t (title TEXT UNIQUE on\tconflict ignore, views INTEGER)"}) {
    set_up(table);
    expect_contains(refused_rows({{"a", 1}, {"b", 2}, {"a", 3}}),
                    {"constraint failed: t.title", "SQLITE_CONSTRAINT"});
    load_rows("good", {{"a", 1}, {"b", 2}});
    EXPECT_EQ(rows(), (std::vector<std::string>{"'a'|1", "'b'|2"}));
  }
}

TEST_F(KeptRows, NoConstraintFillsInAValueSilently) {
  set_up("CREATE TABLE t (title TEXT, views INTEGER NOT NULL ON CONFLICT REPLACE DEFAULT 7)");
  const Schema nullable{{"title", Type::utf8}, {"views", Type::int64, true}};
  const auto sink = options_.make(host_.context());
  sink->prepare(nullable);
  auto writer = sink->open(request_for("p"), nullable);
  const auto error = error_of([&] {
    writer.write(
        batch_of<std::string, std::optional<std::int64_t>>(nullable, {{"a", std::nullopt}}));
  });
  expect_contains(error.message(), {"NOT NULL constraint failed: t.views"});
}

TEST_F(KeptRows, NoRowidIsFilledInForNull) {
  set_up("CREATE TABLE t (title TEXT, views INTEGER PRIMARY KEY)");
  const Schema nullable{{"title", Type::utf8}, {"views", Type::int64, true}};
  using Nullable = std::optional<std::int64_t>;
  const auto sink = options_.make(host_.context());
  sink->prepare(nullable);
  load(*sink, nullable, request_for("p"), batches_of<std::string, Nullable>(nullable, {{"a", 5}}));
  auto writer = sink->open(request_for("q"), nullable);
  const auto error = error_of([&] {
    writer.write(batch_of<std::string, Nullable>(nullable, {{"b", 6}, {"c", std::nullopt}}));
  });
  EXPECT_EQ(error.code(), Code::permanent);
  expect_contains(error.message(), {"column \"views\" of table \"t\" is NULL in row 2"});
}

TEST_F(KeptRows, AnUpsertReplacesNoRowsOfOtherKeys) {
  upsert({"title"});
  set_up("CREATE TABLE t (title TEXT PRIMARY KEY, views INTEGER UNIQUE ON CONFLICT REPLACE)");
  load_rows("good", {{"a", 1}, {"b", 2}, {"a", 3}});
  expect_contains(refused_rows({{"c", 3}}), {"UNIQUE constraint failed: t.views"});
  expect_contains(refused_rows({{"b", 3}}), {"UNIQUE constraint failed: t.views"});
  EXPECT_EQ(rows(), (std::vector<std::string>{"'a'|3", "'b'|2"}));
}

TEST_F(KeptRows, AnUpsertReplacesRowsWhateverItsKeyDeclares) {
  upsert({"title"});
  set_up(
      "CREATE TABLE t (title TEXT PRIMARY KEY ON CONFLICT IGNORE, views INTEGER, note TEXT);"
      "INSERT INTO t VALUES ('a', 1, 'mine')");
  load_rows("good", {{"a", 2}, {"b", 2}});
  EXPECT_EQ(PlainDatabase(options_.path).rows("SELECT * FROM t"),
            (std::vector<std::string>{"'a'|2|'mine'", "'b'|2|NULL"}));
}

TEST_F(KeptRows, ATriggerThatSkipsRowsOfAnUpsertIsFound) {
  const std::string skips =
      "CREATE TRIGGER few BEFORE INSERT ON t WHEN new.views > 5 BEGIN SELECT raise(IGNORE); END";
  for (const std::vector<std::string>& key :
       {std::vector<std::string>{"title"}, std::vector<std::string>{"title", "views"}}) {
    upsert(key);
    set_up("CREATE TABLE t (title TEXT NOT NULL, views INTEGER NOT NULL, PRIMARY KEY (" +
           sql::column_list(key) + "));" + skips);
    expect_contains(refused_rows({{"a", 1}, {"b", 6}, {"c", 7}}),
                    {"\"t\"", "took 1 of 3 rows", "a trigger of the table skips some"});
    load_rows("good", {{"a", 1}, {"b", 2}, {"a", 1}});
    EXPECT_EQ(rows(), (std::vector<std::string>{"'a'|1", "'b'|2"}));
  }
}

TEST_F(KeptRows, ATriggerMaySkipAnUpdateThatChangesNothing) {
  upsert({"title"});
  set_up(
      "CREATE TABLE t (title TEXT PRIMARY KEY, views INTEGER);"
      "CREATE TRIGGER same BEFORE UPDATE ON t WHEN new.views = old.views"
      " BEGIN SELECT raise(IGNORE); END");
  load_rows("p1", {{"a", 1}, {"b", 2}});
  load_rows("p2", {{"a", 1}, {"b", 3}, {"b", 2}, {"b", 2}, {"c", 4}});
  EXPECT_EQ(rows(), (std::vector<std::string>{"'a'|1", "'b'|2", "'c'|4"}));
}

TEST_F(KeptRows, ATriggerThatSkipsAnUpdateIsFound) {
  upsert({"title"});
  set_up(
      "CREATE TABLE t (title TEXT PRIMARY KEY, views INTEGER COLLATE NOCASE);"
      "CREATE TRIGGER growing BEFORE UPDATE ON t WHEN new.views < old.views"
      " BEGIN SELECT raise(IGNORE); END");
  load_rows("p1", {{"a", 5}, {"b", 2}});
  expect_contains(refused_rows({{"a", 4}, {"b", 3}}), {"took 1 of 2 rows"});
  load_rows("p2", {{"a", 4}, {"a", 6}});
  EXPECT_EQ(rows(), (std::vector<std::string>{"'a'|6", "'b'|2"}));
}

TEST_F(KeptRows, TriggersThatChangeTheTableAreRefused) {
  const std::string table =
      "CREATE TABLE t (title TEXT PRIMARY KEY, views INTEGER, note TEXT);"
      "CREATE TABLE log (title TEXT); CREATE VIEW v AS SELECT * FROM t";
  const auto trigger = [](const std::string& event, const std::string& body) {
    return "CREATE TRIGGER x " + event + " BEGIN " + body + "; END;";
  };
  for (const bool upserts : {false, true}) {
    if (upserts) upsert({"title"});
    expect_contains(refusal(table, trigger("AFTER INSERT ON t", "DELETE FROM t WHERE views > 5")),
                    {"trigger \"x\" deletes rows", "\"t\"", options_.path});
    expect_contains(
        refusal(table, trigger("AFTER INSERT ON t", "UPDATE t SET TITLE = lower(title)")),
        {"trigger \"x\" changes column \"title\""});
    expect_contains(refusal(table, trigger("AFTER INSERT ON t",
                                           "INSERT INTO t (title) VALUES (new.title || 1)")),
                    {"trigger \"x\" inserts rows"});
    // Through a table that is not loaded, or a view.
    expect_contains(refusal(table, trigger("BEFORE INSERT ON t", "INSERT INTO log VALUES (1)") +
                                       "CREATE TRIGGER y AFTER INSERT ON log BEGIN DELETE FROM t;"
                                       " END"),
                    {"trigger \"y\" deletes rows"});
    expect_contains(
        refusal(table, trigger("BEFORE INSERT ON t", "DELETE FROM v WHERE title = new.title") +
                           "CREATE TRIGGER y INSTEAD OF DELETE ON v BEGIN DELETE FROM t; END"),
        {"trigger \"y\" deletes rows"});
  }
  expect_contains(refusal(table, trigger("AFTER UPDATE ON t", "UPDATE t SET views = 0")),
                  {"trigger \"x\" changes column \"views\""});
  expect_contains(refusal(table, trigger("AFTER INSERT ON t", "INSERT INTO nowhere VALUES (1)")),
                  {"no such table", "nowhere"});
}

TEST_F(KeptRows, OtherTriggersDoTheirWork) {
  for (const bool upserts : {false, true}) {
    if (upserts) upsert({"title"});
    set_up(
        "CREATE TABLE t (title TEXT PRIMARY KEY, views INTEGER, note TEXT);"
        "CREATE TABLE sums (title TEXT PRIMARY KEY, views INTEGER);"
        "CREATE TRIGGER noting AFTER INSERT ON t BEGIN"
        " UPDATE t SET note = 'seen' WHERE title = new.title; END;"
        "CREATE TRIGGER summing AFTER INSERT ON t BEGIN"
        " INSERT OR IGNORE INTO sums VALUES (substr(new.title, 1, 1), 0);"
        " UPDATE sums SET views = views + new.views WHERE title = substr(new.title, 1, 1); END");
    load_rows("p", {{"a1", 1}, {"a2", 2}, {"b", 4}});
    EXPECT_EQ(PlainDatabase(options_.path).rows("SELECT title, views, note FROM t"),
              (std::vector<std::string>{"'a1'|1|'seen'", "'a2'|2|'seen'", "'b'|4|'seen'"}));
    EXPECT_EQ(PlainDatabase(options_.path).rows("SELECT * FROM sums"),
              (std::vector<std::string>{"'a'|3", "'b'|4"}));
  }
}

TEST_F(KeptRows, ATriggerMayKeepAFullTextIndex) {
  for (const bool upserts : {false, true}) {
    if (upserts) upsert({"title"});
    set_up(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, title TEXT UNIQUE, views INTEGER);"
        "CREATE VIRTUAL TABLE words USING fts5 (title, content = 't', content_rowid = 'id');"
        "CREATE TRIGGER added AFTER INSERT ON t BEGIN"
        " INSERT INTO words (rowid, title) VALUES (new.id, new.title); END;"
        "CREATE TRIGGER changed AFTER UPDATE ON t BEGIN"
        " INSERT INTO words (words, rowid, title) VALUES ('delete', old.id, old.title);"
        " INSERT INTO words (rowid, title) VALUES (new.id, new.title); END;"
        "CREATE TRIGGER removed AFTER DELETE ON t BEGIN"
        " INSERT INTO words (words, rowid, title) VALUES ('delete', old.id, old.title); END");
    load_rows("Tour Eiffel", {{"Tour Eiffel", 1}});
    load_rows("p", {{"Tour Montparnasse", 2}, {"Notre-Dame", 3}});
    load_rows("Tour Eiffel", {{"Tour Eiffel", 10}}, true);
    EXPECT_EQ(PlainDatabase(options_.path)
                  .rows("SELECT t.title, t.views FROM words JOIN t ON t.id = words.rowid"
                        " WHERE words MATCH 'tour' ORDER BY 1"),
              (std::vector<std::string>{"'Tour Eiffel'|10", "'Tour Montparnasse'|2"}));
    PlainDatabase(options_.path).run("INSERT INTO words (words) VALUES ('integrity-check')");
  }
}

TEST_F(KeptRows, AKeyThatIgnoresDifferencesIsRefused) {
  upsert({"title"});
  for (const std::string table :
       {"CREATE TABLE t (title TEXT COLLATE NOCASE PRIMARY KEY, views INTEGER)",
        "CREATE TABLE t (title TEXT COLLATE RTRIM PRIMARY KEY, views INTEGER) WITHOUT ROWID",
        "CREATE TABLE t (title TEXT, views INTEGER);"
        "CREATE UNIQUE INDEX u ON t (title COLLATE NOCASE)"}) {
    set_up(table);
    const auto error = error_of([&] { (void)options_.make(host_.context())->inspect(schema); });
    EXPECT_EQ(error.code(), Code::config);
    expect_contains(error.message(),
                    {"column \"title\" with COLLATE ", "different keys are equal"});
  }
  // A key of numbers has no use for a collation, and an index may undo that of its column.
  set_up(
      "CREATE TABLE t (title TEXT COLLATE NOCASE, views INTEGER);"
      "CREATE UNIQUE INDEX u ON t (title COLLATE BINARY)");
  load_rows("p", {{"a", 1}, {"A", 2}});
  EXPECT_EQ(rows().size(), 2U);
  upsert({"views"});
  set_up("CREATE TABLE t (title TEXT COLLATE NOCASE, views INTEGER COLLATE NOCASE UNIQUE)");
  load_rows("p", {{"a", 1}, {"A", 2}});
  EXPECT_EQ(rows().size(), 2U);
}

TEST_F(KeptRows, AReloadDeletesNoRowsThatOnlyTheCollationTakesForItsOwn) {
  set_up("CREATE TABLE t (title TEXT COLLATE NOCASE, views INTEGER)");
  load_rows("a", {{"a", 1}, {"a", 2}});
  load_rows("A", {{"A", 3}, {"A", 4}});
  load_rows("a", {{"a", 5}}, true);
  EXPECT_EQ(PlainDatabase(options_.path).rows("SELECT * FROM t ORDER BY views"),
            (std::vector<std::string>{"'A'|3", "'A'|4", "'a'|5"}));
}

TEST_F(KeptRows, TriggersThatKeepDeletedRowsAreFound) {
  for (const char* trigger :
       {"CREATE TRIGGER x BEFORE DELETE ON t BEGIN SELECT raise(IGNORE); END",
        "CREATE TRIGGER x BEFORE DELETE ON t WHEN old.views = 2 BEGIN SELECT raise(IGNORE); END",
        "CREATE TRIGGER x AFTER DELETE ON t BEGIN"
        " INSERT INTO t VALUES (old.title, old.views, 'deleted'); END",
        "CREATE TRIGGER x AFTER DELETE ON t WHEN old.views = 1 BEGIN DELETE FROM t; END"}) {
    for (const bool upserts : {false, true}) {
      options_.mode = "append";
      options_.key = {};
      if (upserts) upsert({"title", "views"});
      set_up("CREATE TABLE t (title TEXT, views INTEGER, note TEXT, PRIMARY KEY (title, views))");
      load_rows("a", {{"a", 1}, {"a", 2}});
      load_rows("b", {{"b", 1}});
      PlainDatabase(options_.path).run(trigger);
      const auto forgotten = error_of([&] { (void)forget("a", true, {"title", "a"}); });
      expect_contains(forgotten.message(), {"table \"t\"", "trigger"});
      const auto reloaded = error_of([&] { load_rows("a", {{"a", 3}}, true); });
      expect_contains(reloaded.message(), {"table \"t\"", "trigger"});
      EXPECT_EQ(rows(), (std::vector<std::string>{"'a'|1", "'a'|2", "'b'|1"})) << trigger;
      EXPECT_EQ(value("SELECT rows_written FROM etl_ledger WHERE \"partition\" = 'a'"), "2");
    }
  }
}

TEST_F(KeptRows, TriggersOfTheLedgerAreFound) {
  load_rows("first", {{"a", 1}});
  PlainDatabase(options_.path)
      .run("CREATE TRIGGER x BEFORE INSERT ON etl_ledger BEGIN SELECT raise(IGNORE); END");
  expect_contains(refused_rows({{"b", 1}}),
                  {"cannot record partition \"bad\"", options_.path, "trigger"});
  PlainDatabase(options_.path)
      .run(
          "DROP TRIGGER x; CREATE TRIGGER x AFTER INSERT ON etl_ledger BEGIN"
          " DELETE FROM etl_ledger; END");
  const auto error = error_of([&] { (void)options_.make(host_.context())->inspect(schema); });
  EXPECT_EQ(error.code(), Code::config);
  expect_contains(error.message(), {"etl_ledger", "trigger \"x\" deletes rows"});
}

}  // namespace
