#include "core/runtime/describe/stage_description.hpp"

#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::test_registry;
using testing::HasSubstr;

const StageEntry& entry(const char* name) { return *test_registry().find(name); }

TEST(StageDescriptionTest, JsonHasEverythingThatIsDeclared) {
  const nlohmann::json stage = describe_json(entry("probe_keep"));
  EXPECT_EQ(stage["name"], "probe_keep");
  EXPECT_EQ(stage["kind"], "filter");
  EXPECT_EQ(stage["plugin"], "probe");
  EXPECT_EQ(stage["version"], "1.0.0");
  EXPECT_EQ(stage["transactional"], false);
  ASSERT_EQ(stage["options"].size(), 1U);
  EXPECT_EQ(stage["options"][0]["name"], "colour");
  EXPECT_EQ(stage["options"][0]["required"], true);
  EXPECT_TRUE(stage["options"][0]["default"].is_null());
}

TEST(StageDescriptionTest, FlagsOfOptionsAndSinks) {
  const nlohmann::json stage = describe_json(entry("probe_exclusive"));
  EXPECT_EQ(stage["transactional"], true);
  EXPECT_EQ(stage["max_writers"], 1);
  for (const nlohmann::json& option : stage["options"]) {
    if (option["name"] == "token") {
      EXPECT_EQ(option["secret"], true);
      EXPECT_EQ(option["operational"], true);
    }
    if (option["name"] == "fail") {
      EXPECT_THAT(option["allowed"].get<std::vector<std::string>>(),
                  testing::IsSupersetOf({"none", "transient", "conflict"}));
    }
  }
}

TEST(StageDescriptionTest, TextForPeople) {
  const std::string text = describe_text(describe_json(entry("probe_keep")));
  EXPECT_THAT(text, HasSubstr("probe_keep (filter): Keeps one colour\n"));
  EXPECT_THAT(text, HasSubstr("  colour  string  Which. (required)\n"));
  EXPECT_THAT(text, HasSubstr("[filters.probe_keep]\nplugin = \"probe_keep\"\ninput = \"...\"\n"
                              "colour = \"colour\"\n"));
  EXPECT_THAT(describe_text(describe_json(entry("probe_exclusive"))),
              HasSubstr("commits its ledger in the transaction of the rows; at most 1 writer at "
                        "once\n"));
  EXPECT_THAT(describe_text(describe_json(entry("probe_append"))),
              HasSubstr("keeps no ledger: every run writes every partition; any number of writers "
                        "at once\n"));
}

TEST(StageDescriptionTest, MarkdownSaysNothingOfTheMachine) {
  const std::string text = describe_markdown(describe_json(entry("probe_exclusive")));
  EXPECT_THAT(text, HasSubstr("# probe_exclusive\n"));
  EXPECT_THAT(text, HasSubstr("| `store` | string | default \"store\" | Its store's name. |"));
  EXPECT_THAT(text, testing::Not(HasSubstr("linked into the test")));
}

}  // namespace
