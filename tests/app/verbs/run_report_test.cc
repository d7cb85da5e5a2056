// The file of --report.
#include "core/app/verbs/run_report.hpp"

#include "support.hpp"

#include <etl/error.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace {

namespace fs = std::filesystem;
using etl::app::RunReport;
using runtime_test::read_text;
using runtime_test::TempFolder;

etl::runtime::Summary summary() {
  etl::runtime::Summary made;
  made.pipeline = "some";
  return made;
}

TEST(RunReportTest, ReplacesTheFileAtOnce) {
  const TempFolder folder;
  const fs::path path = folder.file("report.json", "earlier");
  {
    const RunReport report(path);
    EXPECT_EQ(read_text(path), "earlier");
    etl::runtime::Log log(etl::runtime::LogLevel::off, etl::runtime::LogFormat::text, false);
    EXPECT_TRUE(report.write(summary(), log));
  }
  EXPECT_EQ(nlohmann::json::parse(read_text(path))["pipeline"], "some");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(RunReportTest, LeavesNothingWithoutASummary) {
  const TempFolder folder;
  { const RunReport report(folder.path() / "report.json"); }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(RunReportTest, RefusesAPathBeforeTheRun) {
  const TempFolder folder;
  EXPECT_THROW(RunReport(folder.path()), etl::Error);
  EXPECT_THROW(RunReport(folder.path() / "no" / "report.json"), etl::Error);
}

TEST(RunReportTest, LogsAFailureAfterTheRun) {
  const TempFolder folder;
  const fs::path inner = folder.path() / "inner";
  fs::create_directory(inner);
  const RunReport report(inner / "report.json");
  fs::remove_all(inner);
  etl::runtime::Log log(etl::runtime::LogLevel::off, etl::runtime::LogFormat::text, false);
  etl::runtime::Cancellation cancellation;
  const etl::app::CommonOptions options;
  EXPECT_EQ(report.finish({options, log, cancellation}, summary()), etl::app::exit_failed);
}

}  // namespace
