#include "template_stage.hpp"

#include <etl/testing/mock_host.hpp>

#include <gtest/gtest.h>

namespace {

using etl::testing::Host;

TemplateStage made(const Host& host, const std::string& folder = DATA) {
  return etl::testing::make<TemplateStage>(host, {{"folder", folder}});
}

TEST(TemplateStage, EveryFileIsAPartition) {
  const Host host;
  etl::Strings ids;
  for (const etl::Partition& partition : made(host).plan()) ids.push_back(partition.id);
  EXPECT_EQ(ids, etl::Strings({"monday.txt", "tuesday.txt"}));
}

TEST(TemplateStage, ReadsRows) {
  const Host host;
  auto reader = made(host).read({.id = "monday.txt", .uri = {}}, etl::Predicate(), host.task());
  EXPECT_EQ(etl::testing::all_rows(reader),
            etl::Strings({"monday.txt|apple|3", "monday.txt|banana|5", "monday.txt|cherry|1"}));
}

TEST(TemplateStage, CountsAndKeepsWhatItCannotRead) {
  const Host host;
  auto reader = made(host).read({.id = "tuesday.txt", .uri = {}}, etl::Predicate(), host.task());
  EXPECT_EQ(etl::testing::all_rows(reader).size(), 2U);
  EXPECT_EQ(host.read, 3);
  ASSERT_EQ(host.rejects.size(), 1U);
  EXPECT_EQ(host.rejects[0].reason, "the count is not a number");
  EXPECT_EQ(host.rejects[0].raw, "blueberry\tmany");
  EXPECT_EQ(host.rejects[0].line, 2);
}

TEST(TemplateStage, AFileThatHasGoneIsMissing) {
  const Host host;
  try {
    static_cast<void>(
        made(host).read({.id = "sunday.txt", .uri = {}}, etl::Predicate(), host.task()));
    FAIL() << "no error";
  } catch (const etl::Error& error) {
    EXPECT_EQ(error.code(), etl::Code::missing);
  }
}

TEST(TemplateStage, AFolderThatIsNotThereIsAMistakeOfThePipeline) {
  const Host host;
  try {
    static_cast<void>(made(host, DATA "/nowhere").plan());
    FAIL() << "no error";
  } catch (const etl::Error& error) {
    EXPECT_EQ(error.code(), etl::Code::config);
    EXPECT_EQ(error.option(), "folder");  // the user is shown the line of this option
  }
}

}  // namespace
