#include "core/runtime/describe/preview.hpp"

#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::Bench;
using runtime_test::store;
using testing::IsEmpty;

std::string pipeline_with(const std::string& source, const std::string& sink = "") {
  return "[sources.s]\nplugin = \"probe_source\"\npartitions = 3\nrows = 4\n" + source +
         "\n[filters.red]\nplugin = \"probe_keep\"\ninput = \"s\"\ncolour = \"red\"\n"
         "[sinks.db]\nplugin = \"probe_parallel\"\ninput = \"red\"\nstore = \"@\"\n" +
         sink;
}

/// [part, n] of each row.
std::vector<std::string> shown(const Preview& preview) {
  std::vector<std::string> rows;
  for (const nlohmann::json& row : preview.rows) {
    rows.push_back(row[0].get<std::string>() + " " + row[1].dump());
  }
  return rows;
}

std::vector<std::string> preview_of(Bench& bench, const std::string& stage, std::int64_t rows) {
  return shown(preview(bench.pipeline(), bench.node(stage), rows, bench.cancellation, bench.log));
}

TEST(PreviewTest, RowsAsTheyLeaveAStage) {
  Bench bench(pipeline_with(""));
  EXPECT_EQ(preview_of(bench, "s", 5),
            (std::vector<std::string>{"p0 0", "p0 1", "p0 2", "p0 3", "p1 0"}));
  EXPECT_EQ(preview_of(bench, "red", 3), (std::vector<std::string>{"p0 0", "p0 3", "p1 0"}));
  EXPECT_EQ(preview_of(bench, "db", 1), (std::vector<std::string>{"p0 0"}));
}

TEST(PreviewTest, AllThereAreWhenThatIsFewer) {
  Bench bench(pipeline_with(""));
  EXPECT_EQ(preview_of(bench, "s", 100).size(), 12U);
}

TEST(PreviewTest, TouchesNoSink) {
  Bench bench(pipeline_with("", "fail = \"permanent\"\nfail_at = \"prepare\""));
  EXPECT_EQ(preview_of(bench, "db", 2).size(), 2U);
  EXPECT_THAT(store().rows(), IsEmpty());
  EXPECT_EQ(store().most_writers(), 0);
}

TEST(PreviewTest, PassesOverAMissingPartition) {
  Bench bench(pipeline_with("fail = \"missing\"\nfail_at = \"read\"\nfail_partition = \"p0\""));
  EXPECT_EQ(preview_of(bench, "red", 1), (std::vector<std::string>{"p1 0"}));
}

TEST(PreviewTest, AnyOtherFailureIsOne) {
  Bench bench(pipeline_with("fail = \"permanent\"\nfail_at = \"read\""));
  EXPECT_THROW((void)preview_of(bench, "red", 1), StageError);
}

TEST(PreviewTest, RejectsAreNoFailure) {
  Bench bench(pipeline_with("reject_every = 2"));
  EXPECT_EQ(preview_of(bench, "s", 2), (std::vector<std::string>{"p0 1", "p0 3"}));
}

TEST(PreviewTest, StopsWhenAsked) {
  Bench bench(pipeline_with(""));
  bench.cancellation.request(0);
  EXPECT_THAT(preview_of(bench, "s", 5), IsEmpty());
}

TEST(PreviewTest, SchemaOfASinkIsWhatComesIn) {
  Bench bench(pipeline_with(""));
  const Preview found =
      preview(bench.pipeline(), bench.node("db"), 1, bench.cancellation, bench.log);
  EXPECT_EQ(found.schema.names(), "\"part\", \"n\", \"colour\", \"padding\"");
  EXPECT_EQ(found.rows[0].size(), 4U);
}

}  // namespace
