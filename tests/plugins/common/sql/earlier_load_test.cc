#include "plugins/common/sql/earlier_load.hpp"

#include "fake_database.hpp"

namespace {

using etl::Scope;
using etl::Type;
using sql_tests::error_of;
using sql_tests::expect_contains;
using sql_tests::FakeSession;
using sql_tests::table_of;
using sql_tests::Texts;

const etl::Schema columns{{"hour", Type::timestamp_us}, {"title", Type::utf8}, {"n", Type::int32}};

FakeSession::Answer record(const std::string& state, int rows) {
  return {{{"pipe", "src", "db", "p", state, "0", "0", "0", std::to_string(rows), "", "NULL", "",
            "run-1", "1", "NULL", "1970-01-01 00:00:00", "1970-01-01 00:00:00"}}};
}
FakeSession::Answer changed(std::int64_t rows) { return {{}, rows}; }
FakeSession::Answer count(int rows) { return {{{std::to_string(rows)}}}; }

class EarlierLoad : public testing::Test {
 protected:
  sql::Replace make_way(bool reload, const etl::Strings& key = {}, const Scope& scope = of_eight,
                        const etl::StringMap& combine = {}) {
    const etl::Partition partition{"p", "uri", -1, scope};
    sql::TableDefinition table = table_of(columns, key);
    table.rules.combine = combine;
    return sql::make_way(ledger_, table, {"pipe", "src", "db", "run-2", partition, reload});
  }
  std::int64_t forget(bool delete_rows, bool exists = true) {
    const etl::Partition partition{"p", "uri", -1, {"n", std::int64_t{8}}};
    return sql::forget(ledger_, table_of(columns), {"pipe", "src", "db", partition, delete_rows},
                       [&] { return exists; });
  }

  inline static const Scope of_eight{"n", std::int64_t{8}};
  FakeSession session_;
  sql::LedgerTable ledger_{session_,
                           sql::ledger_definition(sql_tests::dialect(), "home", "the ledger")};
};

TEST_F(EarlierLoad, AScopeIsAValueOfItsColumn) {
  const auto has_value = [](const Scope& scope) {
    return sql::scope_value(scope, table_of(columns)).has_value();
  };
  EXPECT_TRUE(has_value({"n", std::int64_t{1}}));
  EXPECT_TRUE(has_value({"title", "x"}));
  EXPECT_TRUE(has_value({"hour", std::int64_t{1}}));
  EXPECT_FALSE(has_value({"hour", std::int64_t{-1}})) << "the dialect cannot store it";
  EXPECT_FALSE(has_value({"hour", "x"}));
  EXPECT_FALSE(has_value({"title", std::int64_t{1}}));
  EXPECT_FALSE(has_value({"gone", std::int64_t{1}}));
  EXPECT_FALSE(has_value({}));
}

TEST_F(EarlierLoad, AnUnfinishedPartitionIsNotInTheWay) {
  session_.answers = {{}, record("failed", 0)};
  EXPECT_EQ(make_way(false), sql::Replace::all_but_done);
  EXPECT_EQ(make_way(true), sql::Replace::all_but_done);
  EXPECT_TRUE(session_.statements.at(1).ends_with(" FOR UPDATE"));
}

TEST_F(EarlierLoad, ADonePartitionIsAConflict) {
  session_.answers = {record("done", 5)};
  const etl::Error error = error_of([&] { static_cast<void>(make_way(false)); });
  EXPECT_EQ(error.code(), etl::Code::conflict);
  EXPECT_EQ(error.message(), "partition \"p\" is already done in the ledger, by run run-1");
}

TEST_F(EarlierLoad, AReloadDeletesTheEarlierRows) {
  session_.answers = {record("done", 5), {}, changed(5), count(0)};
  EXPECT_EQ(make_way(true), sql::Replace::all);
  EXPECT_EQ(session_.statements.at(2), "DELETE FROM \"home\".\"t\" WHERE \"t\".\"n\" = ?");
  EXPECT_EQ(session_.parameters.at(2), Texts{"8"});
}

TEST_F(EarlierLoad, AReloadOfRowsThatAreGoneDeletesNone) {
  session_.answers = {record("done", 5), {}, changed(0), count(0)};
  EXPECT_EQ(make_way(true), sql::Replace::all);
  session_.answers = {record("done", 5), count(0)};
  EXPECT_EQ(make_way(true, {}, {}), sql::Replace::all) << "no scope, but an empty table";
}

TEST_F(EarlierLoad, AReloadIsRefusedWhereATriggerKeepsRows) {
  for (const etl::Strings& key : {etl::Strings{}, etl::Strings{"title"}}) {
    for (const int kept : {1, 5}) {
      session_.answers = {record("done", 5), {}, changed(5 - kept), count(kept)};
      const etl::Error error = error_of([&] { static_cast<void>(make_way(true, key)); });
      EXPECT_EQ(error.code(), etl::Code::permanent);
      expect_contains(error.message(), std::to_string(kept) +
                                           (kept == 1 ? " of them remains" : " of them remain") +
                                           ", because a trigger or rule of the table skips them");
    }
  }
}

TEST_F(EarlierLoad, RowsThatAreThereAgainMayBeThoseOfAnotherRun) {
  for (const etl::Strings& key : {etl::Strings{}, etl::Strings{"title"}}) {
    session_.answers = {record("done", 5), {}, changed(5), count(1)};
    const etl::Error error = error_of([&] { static_cast<void>(make_way(true, key)); });
    EXPECT_EQ(error.code(), etl::Code::transient);
    expect_contains(error.message(), "1 row with its value of column \"n\" has reappeared");
  }
}

TEST_F(EarlierLoad, TextsIdentifyRowsByTheirBytes) {
  session_.answers = {record("done", 5), {}, changed(5), count(0)};
  EXPECT_EQ(make_way(true, {}, {"title", "x"}), sql::Replace::all);
  EXPECT_EQ(session_.statements.at(2),
            "DELETE FROM \"home\".\"t\" WHERE \"t\".\"title\" = ? EXACTLY");
}

TEST_F(EarlierLoad, AReloadIsRefusedWhereRowsCannotBeIdentified) {
  session_.answers = {record("done", 5), {}, changed(6), count(0)};
  const etl::Error error = error_of([&] { static_cast<void>(make_way(true)); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  expect_contains(error.message(),
                  "has 6 rows with the partition's value of column \"n\", but the "
                  "ledger counts 5");
}

TEST_F(EarlierLoad, WithAKeyTheNewRowsReplaceThem) {
  session_.answers = {record("done", 5), {}, changed(6), count(0)};
  EXPECT_EQ(make_way(true, {"title"}), sql::Replace::all);
  ASSERT_EQ(session_.statements.size(), 6U);
  EXPECT_EQ(session_.statements[1], "SAVEPOINT etl_delete");
  EXPECT_EQ(session_.statements[4], "ROLLBACK TO SAVEPOINT etl_delete");
}

TEST_F(EarlierLoad, CombinedRowsAreReplacedOnlyIfTheKeySaysWhoseTheyAre) {
  const etl::StringMap sum = {{"n", "sum"}};
  const Scope title{"title", "x"};
  session_.answers = {record("done", 5), count(1)};
  expect_contains(error_of([&] {
                    static_cast<void>(make_way(true, {"title"}, of_eight, {{"hour", "max"}}));
                  }).message(),
                  "combine has added its rows to those of other partitions");
  session_.statements.clear();
  session_.answers = {record("done", 5), {}, changed(3), count(0), count(0)};
  EXPECT_EQ(make_way(true, {"title"}, title, sum), sql::Replace::all) << "five rows became three";
  session_.answers = {record("done", 5), {}, changed(3), count(0), count(1)};
  expect_contains(
      error_of([&] { static_cast<void>(make_way(true, {"title"}, title, sum)); }).message(),
      "Nothing was changed. Load all partitions into a new table");
}

TEST_F(EarlierLoad, ForgettingDeletesRowsOnRequest) {
  session_.answers = {record("done", 5), {},        changed(5), count(0), {}, changed(1),
                      record("done", 5), changed(1)};
  EXPECT_EQ(forget(true), 5);
  EXPECT_EQ(forget(false), 0);
  EXPECT_EQ(forget(true), 0) << "there is no record";
  ASSERT_EQ(session_.statements.size(), 9U);
  expect_contains(session_.statements[5], "DELETE FROM \"home\".\"etl_ledger\"");
  expect_contains(session_.statements[7], "DELETE FROM \"home\".\"etl_ledger\"");
}

TEST_F(EarlierLoad, ForgettingIsRefusedWhereTheRecordStays) {
  session_.answers = {record("done", 5), {}};
  const etl::Error error = error_of([&] { forget(false); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  expect_contains(error.message(), "cannot delete the record of partition \"p\" from the ledger");
}

TEST_F(EarlierLoad, ForgettingIsRefusedWithoutTheTable) {
  session_.answers = {record("done", 5)};
  const etl::Error error = error_of([&] { forget(true, false); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  expect_contains(error.message(), "the table does not exist. Nothing was changed");
  EXPECT_EQ(session_.statements.size(), 1U);
}

}  // namespace
