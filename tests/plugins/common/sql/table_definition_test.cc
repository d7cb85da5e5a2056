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
