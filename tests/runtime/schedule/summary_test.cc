#include "core/runtime/schedule/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

std::vector<std::string> keys(const nlohmann::json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

Summary sample() {
  Summary summary;
  summary.pipeline = "wikipedia-fr";
  summary.run_id = "20240301T000000Z-00000001";
  summary.status = "failed";
  summary.delivery = "exactly-once";
  summary.partitions = {5, 2, 1, 1, 1};
  summary.rows = {1000, 10, 600, 5, 405};
  summary.bytes_downloaded = 2048;
  summary.bytes_decoded = 8192;
  summary.elapsed_seconds = 2;
  summary.stages = {{"pageviews",
                     "source",
                     "wikipedia_pageviews",
                     {1000, 995, 5, std::chrono::milliseconds(1500)},
                     4096}};
  summary.sinks = {{"db", {1000, 10, 600, 5, 405}, {5, 2, 1, 1, 1}}};
  summary.failures = {{"pageviews", "p1", "db", "pageviews", 3, "source \"pageviews\": no"}};
  return summary;
}

TEST(SummaryTest, JsonHasTheKeysOfTheContract) {
  const nlohmann::json json = sample().json();
  EXPECT_THAT(keys(json),
              UnorderedElementsAre("pipeline", "run_id", "status", "delivery", "partitions", "rows",
                                   "bytes", "elapsed_seconds", "peak_memory_bytes", "stages",
                                   "sinks", "failures", "left_behind"));
  EXPECT_THAT(keys(json["partitions"]),
              UnorderedElementsAre("total", "done", "skipped", "failed", "missing"));
  EXPECT_THAT(keys(json["rows"]),
              UnorderedElementsAre("read", "added", "filtered", "rejected", "written"));
  EXPECT_THAT(keys(json["bytes"]), UnorderedElementsAre("downloaded", "decoded"));
  EXPECT_THAT(keys(json["stages"]["pageviews"]),
              UnorderedElementsAre("kind", "plugin", "rows_in", "rows_out", "rejected", "seconds",
                                   "peak_memory_bytes"));
  EXPECT_THAT(keys(json["sinks"]["db"]), UnorderedElementsAre("rows", "partitions"));
  EXPECT_THAT(keys(json["failures"][0]),
              UnorderedElementsAre("source", "partition", "sink", "stage", "attempts", "transient",
                                   "error"));
}

TEST(SummaryTest, JsonHasTheNumbers) {
  const nlohmann::json json = sample().json();
  EXPECT_EQ(
      json["partitions"],
      (nlohmann::json{{"total", 5}, {"done", 2}, {"skipped", 1}, {"failed", 1}, {"missing", 1}}));
  EXPECT_EQ(json["rows"], json["sinks"]["db"]["rows"]);
  EXPECT_EQ(json["rows"]["filtered"], 600);
  EXPECT_EQ(json["stages"]["pageviews"]["seconds"], 1.5);
  EXPECT_EQ(json["stages"]["pageviews"]["peak_memory_bytes"], 4096);
  EXPECT_EQ(json["failures"][0]["attempts"], 3);
  EXPECT_EQ(json["failures"][0]["source"], "pageviews");
}

TEST(SummaryTest, TextIsForPeople) {
  const std::string text = sample().text();
  EXPECT_THAT(text, HasSubstr("pipeline \"wikipedia-fr\": failed (exactly-once, run 2024"));
  EXPECT_THAT(text, HasSubstr("partitions: 2 done, 1 skipped, 1 failed, 1 missing, of 5\n"));
  EXPECT_THAT(text,
              HasSubstr("rows: 1,000 read, 600 filtered, 5 rejected, 405 written, 10 added\n"));
  EXPECT_THAT(text, HasSubstr("2.0 KiB downloaded, 8.0 KiB decoded; 2.0s in all, 500 rows/s"));
  EXPECT_THAT(text, HasSubstr("failed: p1 into db after 3 attempts: source \"pageviews\": no\n"));
}

TEST(SummaryTest, TextKeepsErrorsFromSteeringTheTerminal) {
  Summary summary = sample();
  summary.failures[0].error = "no\x1b]0;owned\x07 such\nthing";
  EXPECT_THAT(summary.text(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(summary.text(), Not(HasSubstr("\x07")));
}

TEST(SummaryTest, PeakResidentBytes) {
  EXPECT_GT(peak_resident_bytes(), 1 << 20);
  EXPECT_LT(peak_resident_bytes(), std::int64_t{1} << 40);
}

}  // namespace
