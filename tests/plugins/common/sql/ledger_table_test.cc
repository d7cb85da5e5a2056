// The ledger's statements in a third dialect. tests/plugins/sqlite and postgres run them.
#include "plugins/common/sql/ledger_table.hpp"

#include "fake_database.hpp"

namespace {

using etl::LedgerRecord;
using etl::State;
using sql::LedgerTable;
using sql::Replace;
using sql_tests::error_of;
using sql_tests::expect_contains;
using sql_tests::Texts;

LedgerRecord record_of(State state) {
  return {state, "pipe", "src", "db", "part", 10, 2, 1, 7, "uri!x", -1, "def", "run", 3, "", 5, 6};
}

class Ledger : public testing::Test {
 protected:
  sql_tests::FakeSession session_;
  LedgerTable ledger_{session_, sql::ledger_definition(sql_tests::dialect(), "home", "the ledger")};
};

TEST_F(Ledger, IsFencedByOneStatement) {
  session_.answers = {{{}, 1}, {{}, 0}};
  EXPECT_TRUE(ledger_.put(record_of(State::done), Replace::all_but_done));
  EXPECT_FALSE(ledger_.put(record_of(State::done), Replace::all));
  expect_contains(session_.statements.at(0), "INSERT INTO \"home\".\"etl_ledger\" (\"pipeline\", ");
  expect_contains(session_.statements.at(0),
                  " ON DUPLICATE KEY UPDATE IF \"etl_ledger\".\"state\" <> 'done'");
  EXPECT_TRUE(session_.statements.at(1).ends_with(" ON DUPLICATE KEY UPDATE"));
}

TEST_F(Ledger, AltersNoNameButMakesOtherTextsStorable) {
  LedgerRecord record = record_of(State::failed);
  record.partition = "part!1";
  record.error = "broken! record";
  ledger_.record(record);
  EXPECT_EQ(session_.parameters.at(0),
            (Texts{"pipe", "src", "db", "part!1", "failed", "10", "2", "1", "7", "uri", "NULL",
                   "def", "run", "3", "broken", "time 5", "time 6"}));
}

TEST_F(Ledger, ReadsRecords) {
  session_.answers = {
      {{{"pipe", "src", "db", "part", "missing", "1", "2", "3", "4", "uri", "NULL", "def", "run",
         "5", "NULL", "1970-01-01 00:00:00.000007", "1970-01-01 00:00:01"}}}};
  const auto found = ledger_.find({"pipe", "src", "db", "part"}, LedgerTable::Lock::row);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, State::missing);
  EXPECT_EQ(found->rows_written, 4);
  EXPECT_EQ(found->source_bytes, -1);
  EXPECT_EQ(found->error, "");
  EXPECT_EQ(found->started_at, 7);
  EXPECT_EQ(found->finished_at, 1'000'000);
  EXPECT_TRUE(session_.statements.at(0).ends_with(
      "text(\"started_at\"), text(\"finished_at\") FROM \"home\".\"etl_ledger\""
      " WHERE \"pipeline\" = ? AND \"source\" = ? AND \"sink\" = ? AND \"partition\" = ?"
      " FOR UPDATE"));
  EXPECT_EQ(session_.parameters.at(0), (Texts{"pipe", "src", "db", "part"}));
}

TEST_F(Ledger, CommitOfADonePartitionIsAConflict) {
  session_.answers = {
      {},
      {{{"pipe", "src", "db", "part", "done", "1", "0", "0", "1", "uri", "NULL", "def", "other",
         "1", "NULL", "1970-01-01 00:00:00", "1970-01-01 00:00:01"}}}};
  const etl::Error error =
      error_of([&] { ledger_.commit(record_of(State::done), Replace::all_but_done); });
  EXPECT_EQ(error.code(), etl::Code::conflict);
  expect_contains(error.message(), "partition \"part\" was committed to the ledger");
}

TEST_F(Ledger, CommitIsRefusedWhereTheLedgerDoesNotTakeTheRecord) {
  const etl::Error error =
      error_of([&] { ledger_.commit(record_of(State::done), Replace::all_but_done); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  expect_contains(error.message(), "cannot record partition \"part\" in the ledger: a trigger");
}

TEST_F(Ledger, OnlyCommitWritesDone) {
  EXPECT_EQ(error_of([&] { ledger_.record(record_of(State::done)); }).code(), etl::Code::internal);
  EXPECT_EQ(error_of([&] { ledger_.commit(record_of(State::failed), Replace::all); }).code(),
            etl::Code::internal);
  EXPECT_TRUE(session_.statements.empty());
}

}  // namespace
