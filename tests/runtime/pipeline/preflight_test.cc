#include "core/runtime/pipeline/preflight.hpp"

#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::Bench;

TEST(PreflightTest, ATargetThatDoesNotFitIsAMistake) {
  Bench bench(R"(
[sources.s]
plugin = "probe_source"
[sinks.db]
plugin = "probe_parallel"
input = "s"
store = "@"
fail = "config"
fail_at = "inspect"
)");
  (void)bench.preflight();
  EXPECT_EQ(bench.mistakes(), "error: sink \"db\": ordered to fail at inspect\n");
}

TEST(PreflightTest, ATargetThatCannotBeReachedIsNone) {
  Bench bench(R"(
[sources.s]
plugin = "probe_source"
[sinks.db]
plugin = "probe_parallel"
input = "s"
store = "@"
fail = "transient"
fail_at = "committed"
)");
  const Preflight found = bench.preflight();
  EXPECT_EQ(bench.mistakes(), "");
  ASSERT_TRUE(found.targets[0].unreachable.has_value());
  EXPECT_EQ(found.targets[0].unreachable->message(), "sink \"db\": ordered to fail at committed");
}

TEST(PreflightTest, ATargetThatIsGoneThoughItsLedgerCountsRowsIsAMistake) {
  const auto pipeline = [](const char* rows) {
    return std::string("[sources.s]\nplugin = \"probe_source\"\npartitions = 3\nrows = ") + rows +
           "\n[sinks.db]\nplugin = \"probe_parallel\"\ninput = \"s\"\nstore = \"@\"\nexists = "
           "false\n";
  };
  Bench(pipeline("0")).run();
  Bench without_rows(pipeline("0"));
  (void)without_rows.preflight();
  EXPECT_EQ(without_rows.mistakes(), "");
  Bench(pipeline("10")).run({{}, true, ProgressMode::off});
  for (const bool reload : {false, true}) {
    Bench bench(pipeline("10"));
    (void)bench.preflight(reload);
    EXPECT_THAT(bench.mistakes(),
                testing::AllOf(
                    testing::StartsWith("error: sink \"db\": store "),
                    testing::HasSubstr("does not exist, but its ledger counts 30 rows in it, of 3 "
                                       "partitions: it was dropped or renamed"),
                    testing::HasSubstr("etl state FILE forget '*'")));
  }
}

}  // namespace
