#include "core/runtime/pipeline/ledger_view.hpp"

#include "core/runtime/pipeline/row_counts.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::Bench;
using testing::HasSubstr;

constexpr const char* pipeline = R"(
[sources.s]
plugin = "probe_source"
partitions = 3
rows = 10
[filters.red]
plugin = "probe_keep"
input = "s"
colour = "red"
[sinks.db]
plugin = "probe_parallel"
input = "red"
store = "@"
)";

TEST(LedgerViewTest, PreflightReadsTheLedger) {
  Bench bench(pipeline);
  bench.run();
  const Preflight found = bench.preflight();
  const etl::LedgerRecord* record = found.ledger.find(bench.node("db"), "s", "p1");
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->state, etl::State::done);
  EXPECT_EQ(record->rows_read, 10);
  EXPECT_EQ(record->rows_written, 4);
  EXPECT_EQ(found.ledger.done(bench.node("db"), "s", "p1"), record);
  EXPECT_EQ(row_counts(*record).filtered, 6);
  EXPECT_TRUE(row_counts(*record).balanced());
  EXPECT_EQ(found.ledger.find(bench.node("db"), "s", "p9"), nullptr);
  EXPECT_EQ(found.ledger.done(bench.node("db"), "s", "p9"), nullptr);
  EXPECT_EQ(found.ledger.find(bench.node("db"), "other", "p1"), nullptr);
  EXPECT_EQ(found.ledger.records(bench.node("db")).size(), 3U);
  ASSERT_EQ(found.targets.size(), 1U);
  EXPECT_THAT(found.targets[0].name, HasSubstr("store LedgerView"));
}

}  // namespace
