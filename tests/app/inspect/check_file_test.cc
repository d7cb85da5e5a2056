// The check file of `etl check`.
#include "core/app/inspect/check_file.hpp"

#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using etl::app::CheckFile;
using etl::runtime::Diagnostics;
using runtime_test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(CheckFileTest, ReadsTheSettingsOfStages) {
  const TempFolder folder;
  Diagnostics diagnostics;
  const CheckFile settings = etl::app::read_check_file(folder.file("check.toml", R"(
[one]
before = "cp -r {here}/data in"
after = "true"
dump = "cat out"
scope = "word"
[one.options]
folder = "{here}/in"
[one.columns]
word = "utf8"
count = "int64 null"
[one.values]
count = [1, 2]
)"),
                                                       diagnostics);
  ASSERT_FALSE(diagnostics.failed()) << diagnostics.text(false);
  const etl::app::StageSetup& one = settings.at("one");
  EXPECT_EQ(one.before, "cp -r " + folder.path().string() + "/data in");
  EXPECT_EQ(one.after, "true");
  EXPECT_EQ(one.dump, "cat out");
  ASSERT_EQ(one.columns.size(), 2U);
  EXPECT_TRUE(one.columns[0].scope);
  EXPECT_FALSE(one.columns[0].field.nullable);
  EXPECT_TRUE(one.columns[1].field.nullable);
  EXPECT_THAT(one.columns[1].values, ElementsAre("1", "2"));
  ASSERT_EQ(one.options.size(), 1U);
  EXPECT_EQ(std::get<std::string>(one.options[0].data), folder.path().string() + "/in");
}

TEST(CheckFileTest, ReportsEveryMistake) {
  const TempFolder folder;
  Diagnostics diagnostics;
  (void)etl::app::read_check_file(folder.file("check.toml", R"(
[one]
befor = "true"
after = 1
scope = "nowhere"
[one.columns]
word = "utf9"
count = "int64"
[one.values]
count = ["many"]
)"),
                                  diagnostics);
  const std::string text = diagnostics.text(false);
  EXPECT_THAT(text, HasSubstr("unknown key \"befor\""));
  EXPECT_THAT(text, HasSubstr("did you mean \"before\"?"));
  EXPECT_THAT(text, HasSubstr("\"after\" must be a string"));
  EXPECT_THAT(text, HasSubstr("there is no column \"nowhere\" in columns"));
  EXPECT_THAT(text, HasSubstr("unknown column type \"utf9\""));
  EXPECT_THAT(text, HasSubstr("is not a value of a column of type int64"));
}

}  // namespace
