#include "support.hpp"

namespace {

using namespace sqlite_tests;

using Row = std::tuple<std::int64_t, std::string, std::int64_t>;
using Rows = std::vector<Row>;
const Schema schema{{"hour", Type::timestamp_s}, {"title", Type::utf8}, {"views", Type::int64}};
constexpr std::int64_t eight = 1472328000;  // 2016-08-27 20:00:00
constexpr std::int64_t nine = eight + 3600;

class Reload : public TableTest<Rows> {
 protected:
  Reload() : TableTest(schema) {}
  [[nodiscard]] std::vector<std::string> rows() const {
    return PlainDatabase(options_.path).rows("SELECT * FROM t ORDER BY 1, 2, 3");
  }
  [[nodiscard]] std::string ledger() const {
    return PlainDatabase(options_.path)
        .value("SELECT group_concat(partition || ' ' || rows_written) FROM etl_ledger");
  }
  static etl::Scope hour(std::int64_t time) { return {"hour", time}; }
};

TEST_F(Reload, ReplacesExactlyThePartitionsRows) {
  for (const char* timestamps : {"text", "unix"}) {
    options_.path = folder_.file(timestamps);
    options_.timestamps = timestamps;
    load_rows("p8", {{eight, "a", 1}, {eight, "b", 2}}, false, hour(eight));
    load_rows("p9", {{nine, "a", 3}}, false, hour(nine));
    load_rows("p8", {{eight, "a", 10}, {eight, "c", 20}, {eight, "d", 30}}, true, hour(eight));
    const std::string a =
        timestamps == std::string("text") ? "'2016-08-27 20:00:00'" : "1472328000";
    const std::string b =
        timestamps == std::string("text") ? "'2016-08-27 21:00:00'" : "1472331600";
    EXPECT_EQ(rows(), (std::vector<std::string>{a + "|'a'|10", a + "|'c'|20", a + "|'d'|30",
                                                b + "|'a'|3"}));
    EXPECT_EQ(ledger(), "'p8 3,p9 1'");
  }
}

TEST_F(Reload, UsesTextAndIntegerScopes) {
  load_rows("a", {{eight, "a", 1}, {nine, "a", 2}}, false, {"title", "a"});
  load_rows("b", {{eight, "b", 7}}, false, {"views", std::int64_t{7}});
  load_rows("a", {{eight, "a", 5}}, true, {"title", "a"});
  load_rows("b", {{nine, "b", 7}}, true, {"views", std::int64_t{7}});
  EXPECT_EQ(rows(), (std::vector<std::string>{"'2016-08-27 20:00:00'|'a'|5",
                                              "'2016-08-27 21:00:00'|'b'|7"}));
}

TEST_F(Reload, IsAPlainLoadWhereNothingIsDone) {
  load_rows("p8", {{eight, "a", 1}}, true, hour(eight));
  load_rows("other", {{eight, "b", 1}}, true);
  EXPECT_EQ(rows().size(), 2U);
  const auto sink = options_.make(host_.context());
  sink->record(record_for("bad", 0, etl::State::failed));
  load_rows("bad", {{eight, "c", 1}}, true, hour(eight));
  EXPECT_EQ(rows().size(), 3U);
}

TEST_F(Reload, IsRefusedWhereOtherRowsHaveTheSameScope) {
  load_rows("p8", {{eight, "a", 1}, {eight, "b", 2}}, false, hour(eight));
  PlainDatabase(options_.path).run("INSERT INTO t VALUES ('2016-08-27 20:00:00', 'mine', 9)");
  const auto error = error_of([&] { load_rows("p8", {{eight, "c", 3}}, true, hour(eight)); });
  EXPECT_EQ(error.code(), Code::permanent);
  expect_contains(error.message(), {"p8", "\"t\"", options_.path, "has 3 rows", "column \"hour\"",
                                    "the ledger counts 2", "upsert", "etl_ledger"});
  EXPECT_EQ(rows().size(), 3U);
  EXPECT_EQ(ledger(), "'p8 2'");
}

TEST_F(Reload, IsRefusedWhereSomeOfTheRowsAreGone) {
  load_rows("p8", {{eight, "a", 1}, {eight, "b", 2}}, false, hour(eight));
  PlainDatabase(options_.path).run("DELETE FROM t WHERE title = 'a'");
  EXPECT_EQ(error_of([&] {
              load_rows("p8", {{eight, "c", 3}}, true, hour(eight));
            }).code(),
            Code::permanent);
  EXPECT_EQ(rows().size(), 1U);
}

TEST_F(Reload, IsRefusedWithoutAUsableScope) {
  load_rows("p8", {{eight, "a", 1}}, false, hour(eight));
  for (const etl::Scope& scope :
       {etl::Scope{}, etl::Scope{"gone", std::int64_t{1}}, etl::Scope{"hour", "text"},
        etl::Scope{"title", std::int64_t{1}}}) {
    const auto error = error_of([&] { load_rows("p8", {{eight, "b", 2}}, true, scope); });
    EXPECT_EQ(error.code(), Code::permanent) << scope.column;
    expect_contains(error.message(), {"p8", "no column identifies"});
  }
  EXPECT_EQ(rows(), (std::vector<std::string>{"'2016-08-27 20:00:00'|'a'|1"}));
}

TEST_F(Reload, NeedsNoScopeWhereNothingWasWritten) {
  load_rows("p8", {});
  load_rows("p8", {{eight, "a", 1}}, true);
  EXPECT_EQ(rows().size(), 1U);
}

TEST_F(Reload, LeavesEverythingAsItWasWhenItIsNotCommitted) {
  load_rows("p8", {{eight, "a", 1}}, false, hour(eight));
  const auto sink = options_.make(host_.context());
  {
    auto writer = sink->open(request_for("p8", true, hour(eight)), schema);
    writer.write(batch_of(schema, Rows{{eight, "b", 2}}));
  }
  EXPECT_EQ(rows(), (std::vector<std::string>{"'2016-08-27 20:00:00'|'a'|1"}));
  EXPECT_EQ(ledger(), "'p8 1'");
}

class ReloadUpsert : public Reload {
 protected:
  ReloadUpsert() {
    options_.mode = "upsert";
    options_.key = {"hour", "title"};
  }
};

TEST_F(ReloadUpsert, RemovesRowsThatAreNoLongerThere) {
  load_rows("p8", {{eight, "a", 1}, {eight, "b", 2}}, false, hour(eight));
  load_rows("p9", {{nine, "a", 3}}, false, hour(nine));
  load_rows("p8", {{eight, "b", 5}}, true, hour(eight));
  EXPECT_EQ(rows(), (std::vector<std::string>{"'2016-08-27 20:00:00'|'b'|5",
                                              "'2016-08-27 21:00:00'|'a'|3"}));
}

TEST_F(ReloadUpsert, RemovesNothingWhereTheCountsDiffer) {
  load_rows("p8", {{eight, "a", 1}, {eight, "b", 2}}, false, hour(eight));
  PlainDatabase(options_.path).run("INSERT INTO t VALUES ('2016-08-27 20:00:00', 'mine', 9)");
  load_rows("p8", {{eight, "b", 5}}, true, hour(eight));
  EXPECT_EQ(rows(),
            (std::vector<std::string>{"'2016-08-27 20:00:00'|'a'|1", "'2016-08-27 20:00:00'|'b'|5",
                                      "'2016-08-27 20:00:00'|'mine'|9"}));
}

TEST_F(ReloadUpsert, NeedsNoScope) {
  load_rows("p8", {{eight, "a", 1}});
  load_rows("p8", {{eight, "a", 2}}, true);
  EXPECT_EQ(rows(), (std::vector<std::string>{"'2016-08-27 20:00:00'|'a'|2"}));
}

class Forget : public Reload {};

TEST_F(Forget, RemovesTheRecordAndLeavesTheRows) {
  load_rows("p8", {{eight, "a", 1}, {eight, "b", 2}}, false, hour(eight));
  load_rows("p9", {{nine, "a", 3}}, false, hour(nine));
  EXPECT_EQ(forget("p8", false, hour(eight)), 0);
  EXPECT_EQ(rows().size(), 3U);
  EXPECT_EQ(ledger(), "'p9 1'");
}

TEST_F(Forget, RemovesExactlyThePartitionsRowsWhenAsked) {
  load_rows("p8", {{eight, "a", 1}, {eight, "b", 2}}, false, hour(eight));
  load_rows("p9", {{nine, "a", 3}}, false, hour(nine));
  EXPECT_EQ(forget("p8", true, hour(eight)), 2);
  EXPECT_EQ(rows(), (std::vector<std::string>{"'2016-08-27 21:00:00'|'a'|3"}));
  EXPECT_EQ(ledger(), "'p9 1'");
  load_rows("p8", {{eight, "c", 3}}, false, hour(eight));
  EXPECT_EQ(rows().size(), 2U) << "it can be loaded again";
}

TEST_F(Forget, RemovesARecordOfAFailureWithoutAnyRows) {
  load_rows("p9", {{nine, "a", 3}}, false, hour(nine));
  options_.make(host_.context())->record(record_for("p8", 7, etl::State::failed));
  EXPECT_EQ(forget("p8", true), 0);
  EXPECT_EQ(ledger(), "'p9 1'");
  EXPECT_EQ(rows().size(), 1U);
}

TEST_F(Forget, OfAnotherPipelineSourceOrSinkIsNothing) {
  load_rows("p8", {{eight, "a", 1}}, false, hour(eight));
  const auto sink = options_.make(host_.context());
  const etl::Partition partition = request_for("p8", false, hour(eight)).partition;
  for (const etl::ForgetRequest& other :
       {etl::ForgetRequest{"else", "src", "db", partition, true},
        etl::ForgetRequest{"pipe", "else", "db", partition, true},
        etl::ForgetRequest{"pipe", "src", "else", partition, true}}) {
    EXPECT_EQ(sink->forget(other, schema), 0);
  }
  EXPECT_EQ(ledger(), "'p8 1'");
  EXPECT_EQ(rows().size(), 1U);
}

TEST_F(Forget, OfWhatWasNeverThereIsNoErrorAndMakesNoFile) {
  EXPECT_EQ(forget("p8", true, hour(eight)), 0);
  EXPECT_FALSE(std::filesystem::exists(options_.path));
  PlainDatabase(options_.path).run("CREATE TABLE other (x)");
  EXPECT_EQ(forget("p8", true, hour(eight)), 0);
  load_rows("p9", {{nine, "a", 3}}, false, hour(nine));
  EXPECT_EQ(forget("p8", true, hour(eight)), 0);
  EXPECT_EQ(ledger(), "'p9 1'");
}

TEST_F(Forget, IsRefusedWhereTheRowsCannotBeTold) {
  for (const char* mode : {"append", "upsert"}) {
    options_.path = folder_.file(mode);
    options_.mode = mode;
    if (options_.mode == "upsert") options_.key = {"hour", "title"};
    load_rows("p8", {{eight, "a", 1}, {eight, "b", 2}}, false, hour(eight));
    auto error = error_of([&] { (void)forget("p8", true); });
    EXPECT_EQ(error.code(), Code::permanent);
    expect_contains(error.message(), {"p8", "\"t\"", options_.path, "no column identifies",
                                      "Nothing was changed", "without its rows"});
    PlainDatabase(options_.path).run("INSERT INTO t VALUES ('2016-08-27 20:00:00', 'mine', 9)");
    error = error_of([&] { (void)forget("p8", true, hour(eight)); });
    EXPECT_EQ(error.code(), Code::permanent);
    expect_contains(error.message(), {"has 3 rows", "column \"hour\"", "the ledger counts 2"});
    EXPECT_EQ(rows().size(), 3U);
    EXPECT_EQ(ledger(), "'p8 2'");
    PlainDatabase(options_.path).run("DROP TABLE t");
    error = error_of([&] { (void)forget("p8", true, hour(eight)); });
    expect_contains(error.message(), {"the table does not exist"});
    EXPECT_EQ(ledger(), "'p8 2'");
    EXPECT_EQ(forget("p8", false), 0);
    EXPECT_EQ(ledger(), "NULL");
  }
}

TEST_F(Forget, ChangesNothingWhereRemovingTheRecordFails) {
  load_rows("p8", {{eight, "a", 1}}, false, hour(eight));
  PlainDatabase(options_.path)
      .run("CREATE TRIGGER no BEFORE DELETE ON etl_ledger BEGIN SELECT raise(ABORT, 'no'); END");
  EXPECT_EQ(error_of([&] { (void)forget("p8", true, hour(eight)); }).code(), Code::permanent);
  EXPECT_EQ(rows().size(), 1U);
  EXPECT_EQ(ledger(), "'p8 1'");
}

class Resource : public testing::Test {
 protected:
  [[nodiscard]] std::string of(const std::string& path) const {
    return std::string(SinkOptions{path}.make(host_.context())->resource());
  }
  TemporaryFolder folder_;
  FakeHost host_;
};

TEST_F(Resource, IsOnePathForEverySpellingOfAFile) {
  namespace fs = std::filesystem;
  const std::string plain = fs::canonical(folder_.path()) / "r.db";
  fs::create_directory(folder_.path() / "sub");
  fs::create_directory_symlink(folder_.path(), folder_.path() / "here");
  fs::create_symlink("r.db", folder_.path() / "link.db");
  fs::create_symlink("link.db", folder_.path() / "far.db");
  for (const bool exists : {false, true}) {
    if (exists) PlainDatabase(folder_.file("r.db")).run("CREATE TABLE x (y)");
    for (const char* spelling :
         {"r.db", "./r.db", "sub/../r.db", "here/r.db", "link.db", "here/far.db"}) {
      EXPECT_EQ(of(folder_.file(spelling)), plain) << spelling << (exists ? "" : ", not there yet");
    }
  }
  EXPECT_EQ(of(folder_.file("other.db")), fs::canonical(folder_.path()) / "other.db");
}

TEST_F(Resource, OfARelativePathIsAbsolute) {
  EXPECT_EQ(of("x.db"), std::filesystem::current_path() / "x.db");
}

}  // namespace
