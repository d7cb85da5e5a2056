#include "core/runtime/pipeline/preflight.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::Bench;
using runtime_test::store;
using testing::HasSubstr;

std::string pipeline_with(const std::string& rows, const std::string& extra = "") {
  return "[sources.s]\nplugin = \"probe_source\"\npartitions = 3\nrows = " + rows +
         "\n[filters.red]\nplugin = \"probe_keep\"\ninput = \"s\"\ncolour = \"red\"\n" + extra +
         "[sinks.db]\nplugin = \"probe_parallel\"\ninput = \"" + (extra.empty() ? "red" : "more") +
         "\"\nstore = \"@\"\n";
}

constexpr const char* more = "[filters.more]\nplugin = \"probe_expand\"\ninput = \"red\"\n";

TEST(DefinitionChangeTest, AChangedStageIsNamed) {
  Bench(pipeline_with("10")).run();
  Bench changed(pipeline_with("11"));
  (void)changed.preflight();
  EXPECT_EQ(
      changed.mistakes(),
      "error: 3 partitions in sink \"db\", first \"p0\", were loaded with a different "
      "definition of this pipeline: stage \"s\" changed | load them again with --reload "
      "(and forget those that are no longer planned: etl state FILE forget), or give the pipeline "
      "another name and the sink another table\n");
}

TEST(DefinitionChangeTest, AnAddedAndARemovedStageAreNamed) {
  Bench(pipeline_with("10")).run();
  Bench added(pipeline_with("10", more));
  (void)added.preflight();
  // The sink's input changed with it.
  EXPECT_THAT(added.mistakes(), HasSubstr("stage \"db\" changed, stage \"more\" is new"));
  Bench(pipeline_with("10", more)).run({{}, true, ProgressMode::off});
  Bench removed(pipeline_with("10"));
  (void)removed.preflight();
  EXPECT_THAT(removed.mistakes(), HasSubstr("stage \"db\" changed, stage \"more\" is gone"));
}

TEST(DefinitionChangeTest, ReloadIgnoresTheChange) {
  Bench(pipeline_with("10")).run();
  Bench changed(pipeline_with("12"));
  const Summary summary = changed.run({{}, true, ProgressMode::off});
  EXPECT_EQ(summary.status, "ok");
  EXPECT_EQ(summary.partitions.done, 3);
  EXPECT_EQ(store().rows().size(), 3U * 4U);
  EXPECT_EQ(store().ledger().at("p0").rows_read, 12);
}

TEST(DefinitionChangeTest, AFailedPartitionMayBeLoadedByAnotherDefinition) {
  Bench failing(pipeline_with("10\nfail = \"permanent\"\nfail_at = \"read\""));
  EXPECT_EQ(failing.run().status, "failed");
  Bench changed(pipeline_with("12"));
  EXPECT_EQ(changed.run().partitions.done, 3);
}

}  // namespace
