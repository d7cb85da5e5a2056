// --task: the share of the plan, from the command line or from the environment of an engine.
#include "core/app/cli/share_option.hpp"

#include <etl/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace {

using etl::app::check_share;
using etl::app::parse_share;
using testing::HasSubstr;

etl::runtime::Environment environment(std::map<std::string, std::string> variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

/// "TASK/OF", or the message of the error.
std::string share(const std::string& text, std::map<std::string, std::string> variables = {},
                  std::int64_t offset = 0) {
  try {
    const auto found = parse_share(text, offset, environment(std::move(variables)));
    return std::to_string(found.index) + "/" + std::to_string(found.count);
  } catch (const etl::Error& error) {
    return error.message();
  }
}

TEST(ShareOptionTest, ChecksTheText) {
  for (const char* text : {"0/1", "3/4", "auto", "auto/7"})
    EXPECT_EQ(check_share(text), "") << text;
  for (const char* text : {"", "1", "4/4", "-1/2", "a/2", "1/0", "auto/0", "auto/x", "1/2/3"})
    EXPECT_NE(check_share(text), "") << text;
}

TEST(ShareOptionTest, TakesNumbersFromTheCommandLine) {
  EXPECT_EQ(share("2/5"), "2/5");
  EXPECT_EQ(share("2/5", {}, 2), "4/5");
  EXPECT_THAT(share("2/5", {}, 3), HasSubstr("task 5 (with --task-offset 3) is out of range"));
}

TEST(ShareOptionTest, TakesNumbersFromTheEngine) {
  EXPECT_EQ(share("auto", {{"SLURM_ARRAY_TASK_ID", "4"},
                           {"SLURM_ARRAY_TASK_MIN", "2"},
                           {"SLURM_ARRAY_TASK_MAX", "8"},
                           {"SLURM_ARRAY_TASK_STEP", "2"},
                           {"SLURM_ARRAY_TASK_COUNT", "4"}}),
            "1/4");
  EXPECT_EQ(share("auto", {{"JOB_COMPLETION_INDEX", "1"}, {"ETL_TASKS", "3"}}), "1/3");
  EXPECT_EQ(share("auto", {{"AWS_BATCH_JOB_ARRAY_INDEX", "0"}, {"AWS_BATCH_JOB_ARRAY_SIZE", "2"}}),
            "0/2");
  EXPECT_EQ(share("auto/9", {{"SGE_TASK_ID", "3"}}), "2/9") << "Grid Engine counts from 1";
}

TEST(ShareOptionTest, RefusesWhatMakesNoShare) {
  EXPECT_THAT(share("auto"), HasSubstr("cannot tell which task this is"));
  EXPECT_THAT(share("auto", {{"SGE_TASK_ID", "undefined"}}), HasSubstr("cannot tell"));
  EXPECT_THAT(share("auto", {{"SGE_TASK_ID", "1"}, {"JOB_COMPLETION_INDEX", "1"}}),
              HasSubstr("both JOB_COMPLETION_INDEX and SGE_TASK_ID are set"));
  EXPECT_THAT(share("auto", {{"JOB_COMPLETION_INDEX", "1"}}), HasSubstr("ETL_TASKS is not set"));
  EXPECT_THAT(share("auto/2", {{"JOB_COMPLETION_INDEX", "x"}}), HasSubstr("is not a number"));
  EXPECT_THAT(share("auto", {{"SLURM_ARRAY_TASK_ID", "5"},
                             {"SLURM_ARRAY_TASK_MIN", "0"},
                             {"SLURM_ARRAY_TASK_MAX", "9"},
                             {"SLURM_ARRAY_TASK_COUNT", "4"}}),
              HasSubstr("has gaps"));
}

}  // namespace
