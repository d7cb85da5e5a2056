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

}  // namespace
