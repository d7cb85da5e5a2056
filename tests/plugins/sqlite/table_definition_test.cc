#include "plugins/sqlite/table/table_definition.hpp"

#include "support.hpp"

namespace {

using etl::Code;
using etl::Schema;
using etl::Type;
using sqlite::define_table;
using sqlite::TableOptions;
using sqlite::Timestamps;
using sqlite_tests::error_of;
using sqlite_tests::expect_contains;

TableOptions named(const std::string& table) { return {table, false, {}}; }

const Schema all_types{
    {"b", Type::boolean},       {"i", Type::int32},       {"l", Type::int64},
    {"d", Type::float64, true}, {"u", Type::utf8},        {"v", Type::utf8_view, true},
    {"z", Type::binary},        {"s", Type::timestamp_s}, {"us", Type::timestamp_us, true}};

TEST(TableDefinition, DeclaresEveryType) {
  EXPECT_EQ(define_table(named("t"), all_types).create_sql(),
            "CREATE TABLE \"t\" (\n"
            "  \"b\" INTEGER NOT NULL,\n"
            "  \"i\" INTEGER NOT NULL,\n"
            "  \"l\" INTEGER NOT NULL,\n"
            "  \"d\" REAL,\n"
            "  \"u\" TEXT NOT NULL,\n"
            "  \"v\" TEXT,\n"
            "  \"z\" BLOB NOT NULL,\n"
            "  \"s\" TEXT NOT NULL,\n"
            "  \"us\" TEXT\n)");
  expect_contains(define_table({"t", false, {}, Timestamps::unix}, all_types).create_sql(),
                  {"\"s\" INTEGER NOT NULL", "\"us\" INTEGER\n"});
}

TEST(TableDefinition, MakesTheKeyThePrimaryKeyWithoutNulls) {
  EXPECT_EQ(
      define_table({"t", true, {"v", "l"}}, Schema{{"l", Type::int64}, {"v", Type::utf8, true}})
          .create_sql(),
      "CREATE TABLE \"t\" (\n"
      "  \"l\" INTEGER NOT NULL,\n"
      "  \"v\" TEXT NOT NULL,\n"
      "  PRIMARY KEY (\"v\", \"l\")\n) WITHOUT ROWID");
}

TEST(TableDefinition, StoresAnIntegerKeyAsTheRowsNumber) {
  EXPECT_EQ(define_table({"t", true, {"l"}}, Schema{{"l", Type::int64}, {"v", Type::utf8, true}})
                .create_sql(),
            "CREATE TABLE \"t\" (\n"
            "  \"l\" INTEGER NOT NULL,\n"
            "  \"v\" TEXT,\n"
            "  PRIMARY KEY (\"l\")\n)");
}

TEST(TableDefinition, QuotesNames) {
  expect_contains(
      define_table(named("a\"b"), Schema{{"x y\"", Type::int32, true}, {"select", Type::int32}})
          .create_sql(),
      {"CREATE TABLE \"a\"\"b\"", "\"x y\"\"\" INTEGER,", "\"select\" INTEGER NOT NULL"});
}

struct Refusal {
  TableOptions options;
  Schema schema;
  std::string option;
  std::vector<std::string> words;
};

TEST(TableDefinition, RefusesWhatCannotBe) {
  const Schema ab{{"a", Type::int32}, {"b", Type::utf8}};
  const Refusal refusals[] = {
      {named(""), ab, "table", {"needs a name"}},
      {named(std::string("t\0x", 3)), ab, "table", {"NUL"}},
      {named("sqlite_stat1"), ab, "table", {"sqlite_stat1", "SQLite's own"}},
      {named("SQLITE_x"), ab, "table", {"SQLITE_x"}},
      {named("etl_ledger"), ab, "table", {"ledger"}},
      {named("ETL_Ledger"), ab, "table", {"ledger"}},
      {named("t"), Schema{}, "", {"at least one column"}},
      {named("t"),
       Schema{{"Views", Type::int32}, {"views", Type::int64}},
       "",
       {"\"Views\"", "\"views\"", "same name"}},
      {{"t", true, {}}, ab, "key", {"upsert", "needs key"}},
      {{"t", false, {"a"}}, ab, "key", {"append"}},
      {{"t", true, {"a", "c"}}, ab, "key", {"\"c\"", "\"a\", \"b\""}},
      {{"t", true, {"a", "b", "a"}}, ab, "key", {"\"a\"", "twice"}},
  };
  for (const Refusal& refusal : refusals) {
    const auto error = error_of([&] { (void)define_table(refusal.options, refusal.schema); });
    EXPECT_EQ(error.code(), Code::config) << error.message();
    EXPECT_EQ(error.option(), refusal.option) << error.message();
    expect_contains(error.message(), refusal.words);
  }
}

TEST(TableDefinition, TellsNamesApartThatSqliteTellsApart) {
  EXPECT_NO_THROW((void)define_table(
      named("t"), Schema{{"é", Type::int32}, {"É", Type::int32}, {"", Type::int32}}));
}

}  // namespace
