#include "plugins/common/sql/table_fit.hpp"

#include "fake_database.hpp"

namespace {

using etl::Type;
using sql_tests::error_of;
using sql_tests::expect_contains;
using sql_tests::table_of;

const sql::TableDefinition wanted = table_of({{"id", Type::int64}, {"title", Type::utf8}}, {"id"});
const sql::ExistingTable fitting{{{"title", "VARCHAR", "VARCHAR(9)"}, {"id", "INT", "INT"}},
                                 {{"title"}, {"id"}}};

std::string misfit(const sql::ExistingTable& existing) {
  const etl::Error error = error_of([&] { sql::require_fit(wanted, existing, "table"); });
  EXPECT_EQ(error.code(), etl::Code::config);
  EXPECT_EQ(error.option(), "table");
  return error.message();
}

TEST(TableFit, TakesWhatTheDialectKeeps) {
  EXPECT_NO_THROW(sql::require_fit(wanted, fitting, "table"));
}

TEST(TableFit, NamesEveryMisfit) {
  EXPECT_EQ(misfit({{{"id", "VARCHAR", "VARCHAR(9)"}, {"more", "INT", "INT", true}}, {{"id"}}}),
            "table t in home does not fit: column \"id\" is VARCHAR(9) (needed: BIGINT for int64); "
            "column \"title\" is missing (needed: VARCHAR for utf8); "
            "column \"more\" is INT NOT NULL without a default, and nothing fills it");
}

TEST(TableFit, OtherColumnsMayBeNullOrHaveAValue) {
  sql::ExistingTable existing = fitting;
  existing.columns.push_back({"a", "INT", "INT"});
  existing.columns.push_back({"b", "INT", "INT", true, true});
  existing.columns.push_back({"c", "INT", "INT", true, false, true});
  EXPECT_NO_THROW(sql::require_fit(wanted, existing, "table"));
}

TEST(TableFit, RefusesGeneratedColumns) {
  sql::ExistingTable existing = fitting;
  existing.columns[0].generated = true;
  expect_contains(misfit(existing), "column \"title\" is generated");
}

TEST(TableFit, RefusesWhatTheDatabaseFoundOut) {
  sql::ExistingTable existing = fitting;
  existing.faults = {"it is temporary", "it is a view"};
  EXPECT_EQ(misfit(existing), "table t in home does not fit: it is temporary; it is a view");
}

TEST(TableFit, AnUpsertNeedsAUniqueKey) {
  expect_contains(misfit({fitting.columns, {{"title"}, {"id", "title"}}}),
                  "no PRIMARY KEY or UNIQUE index on exactly the key (\"id\")");
}

}  // namespace
