#include "plugins/common/sql/running_table.hpp"

#include "fake_database.hpp"

namespace {

using sql_tests::expect_contains;
using sql_tests::FakeSession;
using sql_tests::Texts;

const FakeSession::Answer ten_seconds{{{"1970-01-01 00:00:10.000000"}}};

class Running : public testing::Test {
 protected:
  FakeSession session_;
  sql::RunningTable running_{session_,
                             sql::running_definition(sql_tests::dialect(), "home", "etl_running")};
};

TEST_F(Running, ReplacesTheRunsRecordsByTheDatabasesClock) {
  session_.answers = {ten_seconds};
  running_.replace({"pipe",
                    "db",
                    "run",
                    {{"pipe", "src", "db", "p", "run", "", "host!", 7, 2, 5, 0}},
                    4'000'000});
  ASSERT_EQ(session_.statements.size(), 3U);
  EXPECT_EQ(session_.statements[0], "SELECT text(now())");
  EXPECT_EQ(session_.statements[1],
            "DELETE FROM \"home\".\"etl_running\" WHERE \"pipeline\" = ? AND \"sink\" = ?"
            " AND (\"run_id\" = ? OR \"seen\" < ?)");
  EXPECT_EQ(session_.parameters[1], (Texts{"pipe", "db", "run", "time 6000000"}));
  expect_contains(session_.statements[2], "INSERT INTO \"home\".\"etl_running\"");
  EXPECT_EQ(session_.parameters[2], (Texts{"pipe", "src", "db", "p", "run", "NULL", "host", "7",
                                           "2", "time 5", "time 10000000"}));
}

TEST_F(Running, SplitsManyRecords) {
  session_.answers = {ten_seconds};
  etl::Heartbeat beat{"pipe", "db", "run", {}, 0};
  beat.records.resize(2500);
  running_.replace(beat);
  ASSERT_EQ(session_.parameters.size(), 5U);
  EXPECT_EQ(session_.parameters[2].size(), 11'000U);
  EXPECT_EQ(session_.parameters[4].size(), 5'500U);
}

TEST_F(Running, ReadsHowLongARunWasSilent) {
  const Texts row{"pipe",
                  "src",
                  "db",
                  "p",
                  "run",
                  "NULL",
                  "host",
                  "7",
                  "2",
                  "1970-01-01 00:00:00.000005",
                  "1970-01-01 00:00:08"};
  Texts from_the_future = row;
  from_the_future.back() = "1970-01-01 00:00:11";
  session_.answers = {{{row, from_the_future}}, ten_seconds};
  const auto found = running_.all("pipe", "db");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].pid, 7U);
  EXPECT_EQ(found[0].since, 5);
  EXPECT_EQ(found[0].silent, 2'000'000);
  EXPECT_EQ(found[1].silent, 0);
}

}  // namespace
