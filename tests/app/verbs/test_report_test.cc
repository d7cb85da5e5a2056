// Results of tests as text and as JUnit XML.
#include "core/app/verbs/test_report.hpp"

#include "support.hpp"

#include <etl/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using etl::app::TestResult;
using runtime_test::read_text;
using runtime_test::TempFolder;
using testing::HasSubstr;
using Status = TestResult::Status;

std::vector<TestResult> results() {
  return {{"a.toml", "one", Status::passed, "", std::chrono::milliseconds(1500)},
          {"b.toml", "two", Status::failed, "rows differ\n<b> & \x01", {}},
          {"a.toml", "three", Status::skipped, "no columns", {}}};
}

TEST(TestReportTest, Text) {
  EXPECT_EQ(etl::app::to_text(results(), false),
            "ok      a.toml: one\n"
            "FAILED  b.toml: two\n    rows differ\n    <b> & \x01\n"
            "skipped a.toml: three\n    no columns\n"
            "1 passed, 1 failed, 1 skipped\n");
  EXPECT_THAT(etl::app::to_text(results(), true), HasSubstr("\033[31mFAILED \033[0m b.toml: two"));
  EXPECT_FALSE(etl::app::all_passed(results()));
  EXPECT_TRUE(etl::app::all_passed({}));
}

TEST(TestReportTest, JUnit) {
  const TempFolder folder;
  etl::app::write_junit(folder.path() / "out.xml", "etl test", results());
  const std::string xml = read_text(folder.path() / "out.xml");
  EXPECT_THAT(xml, HasSubstr("<testsuites name=\"etl test\" tests=\"3\" failures=\"1\">"));
  EXPECT_THAT(xml, HasSubstr("<testsuite name=\"a.toml\" tests=\"2\" failures=\"0\" errors=\"0\" "
                             "skipped=\"1\" time=\"1.500\">"));
  EXPECT_THAT(xml, HasSubstr("<failure message=\"rows differ\">"));
  EXPECT_THAT(xml, HasSubstr("&lt;b&gt; &amp; "));
  EXPECT_EQ(xml.find('\x01'), std::string::npos);
  EXPECT_THROW(etl::app::write_junit(folder.path() / "no" / "out.xml", "etl test", results()),
               etl::Error);
}

}  // namespace
