#include "fake_database.hpp"

namespace {

using etl::Type;
using sql_tests::error_of;
using sql_tests::expect_contains;
using sql_tests::table_of;

const etl::Schema columns{
    {"id", Type::int64}, {"title", Type::utf8, true}, {"at", Type::timestamp_s}};

TEST(TableDefinition, QuotesAnyName) {
  EXPECT_EQ(sql::quoted("a"), "\"a\"");
  EXPECT_EQ(sql::quoted("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(sql::quoted(""), "\"\"");
}

TEST(TableDefinition, CreatesATableInTheDialectsWords) {
  EXPECT_EQ(table_of(columns).create_sql(),
            "CREATE TABLE \"t\" (\n  \"id\" BIGINT NOT NULL,\n  \"title\" VARCHAR,\n"
            "  \"at\" DATETIME NOT NULL\n) ENGINE=x");
}

TEST(TableDefinition, KeyColumnsAreNeverNull) {
  sql::TableDefinition table = table_of({{"title", Type::utf8, true}}, {"title"});
  table.schema = "other";
  EXPECT_EQ(table.create_sql(),
            "CREATE TABLE \"other\".\"t\" (\n  \"title\" VARCHAR NOT NULL,\n"
            "  PRIMARY KEY (\"title\")\n) ENGINE=x");
}

TEST(TableDefinition, ReadsTimesAsText) {
  EXPECT_EQ(table_of(columns).select_list(), "\"id\", \"title\", text(\"at\")");
}

TEST(TableDefinition, InsertsSeveralRows) {
  EXPECT_EQ(table_of(columns).insert_sql(2),
            "INSERT INTO \"home\".\"t\" (\"id\", \"title\", \"at\") VALUES (?, ?, ?), (?, ?, ?)");
}

TEST(TableDefinition, OnConflictUpdatesAllButTheKey) {
  EXPECT_EQ(sql::on_conflict(table_of(columns, {"id"}), ""),
            " ON CONFLICT (\"id\") DO UPDATE SET \"title\" = excluded.\"title\", "
            "\"at\" = excluded.\"at\"");
  EXPECT_EQ(sql::on_conflict(table_of({{"a", Type::utf8}, {"b", Type::utf8}}, {"a"}), "c > 0"),
            " ON CONFLICT (\"a\") DO UPDATE SET \"b\" = excluded.\"b\" WHERE c > 0");
  EXPECT_EQ(sql::on_conflict(table_of({{"a", Type::utf8}}, {"a"}), ""),
            " ON CONFLICT (\"a\") DO NOTHING");
}

TEST(TableDefinition, OnConflictFollowsTheOrder) {
  sql::TableDefinition table =
      table_of({{"k", Type::utf8}, {"a", Type::int64}, {"b", Type::int64}}, {"k"});
  table.rules.order = {"a"};
  EXPECT_EQ(sql::on_conflict(table, ""),
            " ON CONFLICT (\"k\") DO UPDATE SET \"a\" = excluded.\"a\", \"b\" = excluded.\"b\""
            " WHERE (excluded.\"a\" >= target.\"a\") IS NOT FALSE");
  table.rules.order = {"a", "b"};
  expect_contains(sql::on_conflict(table, ""),
                  " WHERE ((excluded.\"a\", excluded.\"b\") >= (target.\"a\", target.\"b\"))"
                  " IS NOT FALSE");
}

TEST(TableDefinition, OnConflictCombinesColumns) {
  sql::TableDefinition table =
      table_of({{"k", Type::utf8}, {"a", Type::int64}, {"b", Type::int64}}, {"k"});
  const auto updates = [&](const char* how, const etl::Strings& order = {}) {
    table.rules = {order, {{"a", how}}};
    return sql::on_conflict(table, "");
  };
  const std::string start = " ON CONFLICT (\"k\") DO UPDATE SET ";
  const std::string b = "\"b\" = excluded.\"b\"";
  EXPECT_EQ(updates("sum"), start +
                                "\"a\" = coalesce(target.\"a\" + excluded.\"a\", target.\"a\","
                                " excluded.\"a\"), " +
                                b);
  EXPECT_EQ(updates("count"), start + "\"a\" = coalesce(target.\"a\", 0) + excluded.\"a\", " + b);
  EXPECT_EQ(updates("max"), start +
                                "\"a\" = CASE WHEN target.\"a\" IS NULL OR excluded.\"a\" >"
                                " target.\"a\" THEN excluded.\"a\" ELSE target.\"a\" END, " +
                                b);
  EXPECT_EQ(updates("first"), start + b);
  EXPECT_EQ(updates("last"), start + "\"a\" = excluded.\"a\", " + b);
  expect_contains(updates("sum", {"b"}),
                  "\"b\" = CASE WHEN (excluded.\"b\" >= target.\"b\") IS NOT FALSE THEN "
                  "excluded.\"b\" ELSE target.\"b\" END");
}

TEST(TableDefinition, TheKeyFitsModeAndColumns) {
  const auto expect_refused = [](const std::function<void()>& action, const std::string& words) {
    const etl::Error error = error_of(action);
    EXPECT_EQ(error.code(), etl::Code::config);
    EXPECT_EQ(error.option(), "key");
    expect_contains(error.message(), words);
  };
  expect_refused([] { sql::check_key(true, {}); }, "needs key");
  expect_refused([] { sql::check_key(false, {"a"}); }, "append");
  expect_refused([] { sql::check_key(true, {"a", "b", "a"}); }, "\"a\" is named twice");
  expect_refused([] { sql::check_key_columns({"b"}, columns); }, "available: \"id\", \"title\"");
  EXPECT_NO_THROW(sql::check_key(true, {"a", "b"}));
  EXPECT_NO_THROW(sql::check_key(false, {}));
  EXPECT_NO_THROW(sql::check_key_columns({"title", "id"}, columns));
}

}  // namespace
