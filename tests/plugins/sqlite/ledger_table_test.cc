// The ledger that SQL sinks share, in an SQLite database.
#include "plugins/common/sql/ledger_table.hpp"

#include "plugins/sqlite/table/table_definition.hpp"
#include "support.hpp"

namespace {

using etl::LedgerRecord;
using etl::State;
using sql::LedgerTable;
using sql::Replace;
using namespace sqlite_tests;

LedgerRecord full_record() {
  LedgerRecord record = record_for("part \"1\"", 7);
  record.rows_read = 10;
  record.rows_filtered = 2;
  record.rows_rejected = 1;
  record.source_bytes = 4096;
  record.attempts = 3;
  record.error = "it's odd";
  record.started_at = -1;
  return record;
}

void expect_equal(const LedgerRecord& a, const LedgerRecord& b) {
  EXPECT_EQ(std::tie(a.state, a.pipeline, a.source, a.sink, a.partition, a.rows_read,
                     a.rows_filtered, a.rows_rejected, a.rows_written, a.source_uri, a.source_bytes,
                     a.definition, a.run_id, a.attempts, a.error, a.started_at, a.finished_at),
            std::tie(b.state, b.pipeline, b.source, b.sink, b.partition, b.rows_read,
                     b.rows_filtered, b.rows_rejected, b.rows_written, b.source_uri, b.source_bytes,
                     b.definition, b.run_id, b.attempts, b.error, b.started_at, b.finished_at));
}

class LedgerTableTest : public testing::Test {
 protected:
  LedgerTableTest() { database_.execute(ledger_.definition().create_sql(), "testing"); }

  [[nodiscard]] std::optional<LedgerRecord> find(const std::string& partition,
                                                 const std::string& source = "src") const {
    return ledger_.find({"pipe", source, "db", partition});
  }

  TemporaryFolder folder_;
  FakeHost host_;
  sqlite::Database database_{{folder_.file("l.db"), etl::Duration(20), host_.context()},
                             sqlite::Database::Access::create};
  LedgerTable ledger_{database_, sqlite::define_ledger(database_.path())};
};

TEST_F(LedgerTableTest, HasExactlyTheColumnsOfTheContract) {
  PlainDatabase plain(folder_.file("l.db"));
  EXPECT_EQ(
      plain.rows("SELECT name, type, \"notnull\", pk FROM pragma_table_info('etl_ledger')"),
      (std::vector<std::string>{
          "'pipeline'|'TEXT'|1|1", "'source'|'TEXT'|1|2", "'sink'|'TEXT'|1|3",
          "'partition'|'TEXT'|1|4", "'state'|'TEXT'|1|0", "'rows_read'|'INTEGER'|1|0",
          "'rows_filtered'|'INTEGER'|1|0", "'rows_rejected'|'INTEGER'|1|0",
          "'rows_written'|'INTEGER'|1|0", "'source_uri'|'TEXT'|1|0", "'source_bytes'|'INTEGER'|0|0",
          "'definition'|'TEXT'|1|0", "'run_id'|'TEXT'|1|0", "'attempts'|'INTEGER'|1|0",
          "'error'|'TEXT'|0|0", "'started_at'|'TEXT'|1|0", "'finished_at'|'TEXT'|1|0"}));
}

TEST_F(LedgerTableTest, StoresEveryFieldReadably) {
  ASSERT_TRUE(ledger_.put(full_record(), Replace::all_but_done));
  PlainDatabase plain(folder_.file("l.db"));
  EXPECT_EQ(plain.value("SELECT * FROM etl_ledger"),
            "'pipe'|'src'|'db'|'part \"1\"'|'done'|10|2|1|7|'file:///part "
            "\"1\"'|4096|'abc'|'run-1'|3|'it's odd'|"
            "'1969-12-31 23:59:59.999999'|'2016-08-27 20:00:01.500000'");
  const auto found = find("part \"1\"");
  ASSERT_TRUE(found);
  expect_equal(*found, full_record());
}

TEST_F(LedgerTableTest, HasNullForWhatIsUnknown) {
  ASSERT_TRUE(ledger_.put(record_for("p", 0, State::missing), Replace::all_but_done));
  PlainDatabase plain(folder_.file("l.db"));
  EXPECT_EQ(plain.value("SELECT state, source_bytes, error, started_at FROM etl_ledger"),
            "'missing'|NULL|NULL|'2016-08-27 20:00:00.000000'");
  expect_equal(ledger_.all("pipe", "db").at(0), record_for("p", 0, State::missing));
}

TEST_F(LedgerTableTest, ReplacesDoneOnlyOnRequest) {
  ASSERT_TRUE(ledger_.put(record_for("p", 1, State::failed), Replace::all_but_done));
  ASSERT_TRUE(ledger_.put(record_for("p", 2, State::missing), Replace::all_but_done));
  ASSERT_TRUE(ledger_.put(record_for("p", 3), Replace::all_but_done));
  EXPECT_FALSE(ledger_.put(record_for("p", 4), Replace::all_but_done));
  EXPECT_FALSE(ledger_.put(record_for("p", 5, State::failed), Replace::all_but_done));
  expect_equal(*find("p"), record_for("p", 3));
  ASSERT_TRUE(ledger_.put(record_for("p", 6), Replace::all));
  expect_equal(*find("p"), record_for("p", 6));
}

TEST_F(LedgerTableTest, TellsPipelinesAndSinksApart) {
  for (const char* pipeline : {"pipe", "other"}) {
    for (const char* sink : {"db", "db2"}) {
      LedgerRecord record = record_for("p", 1);
      record.pipeline = pipeline;
      record.sink = sink;
      ASSERT_TRUE(ledger_.put(record, Replace::all_but_done));
    }
  }
  EXPECT_EQ(ledger_.all("pipe", "db").size(), 1U);
  EXPECT_EQ(ledger_.all("pipe", "none").size(), 0U);
  EXPECT_FALSE(find("p", "src2"));
}

TEST_F(LedgerTableTest, NamesARowThatIsUnreadable) {
  ASSERT_TRUE(ledger_.put(record_for("p", 1), Replace::all_but_done));
  database_.execute("UPDATE etl_ledger SET started_at = 'noon'", "testing");
  auto error = error_of([&] { (void)ledger_.all("pipe", "db"); });
  EXPECT_EQ(error.code(), Code::permanent);
  expect_contains(error.message(),
                  {"etl_ledger in " + folder_.file("l.db"), "noon", "partition p"});
  database_.execute("UPDATE etl_ledger SET state = 'maybe'", "testing");
  error = error_of([&] { (void)ledger_.all("pipe", "db"); });
  expect_contains(error.message(), {"maybe"});
}

}  // namespace
