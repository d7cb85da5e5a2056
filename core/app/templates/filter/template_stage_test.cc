#include "template_stage.hpp"

#include <etl/testing/conformance_test.hpp>
#include <etl/testing/mock_host.hpp>

#include <gtest/gtest.h>

namespace {

etl::Schema words() { return {{"word", etl::Type::utf8}, {"count", etl::Type::int64, true}}; }

etl::Batch some_words() {
  etl::BatchBuilder builder(words());
  builder.row("apple", std::optional<std::int64_t>(3));
  builder.row("banana", std::optional<std::int64_t>(1));
  builder.row("cherry", std::optional<std::int64_t>());
  builder.row("date", std::optional<std::int64_t>(2));
  return builder.finish();
}

TEST(TemplateStage, KeepsWhatIsLargeEnough) {
  const etl::testing::Host host;
  const auto filter =
      etl::testing::make<TemplateStage>(host, {{"column", "count"}, {"minimum", 2}});
  EXPECT_EQ(etl::testing::rows(filter.apply(some_words())), etl::Strings({"apple|3", "date|2"}));
}

TEST(TemplateStage, TheMinimumIsOneByDefault) {
  const etl::testing::Host host;
  const auto filter = etl::testing::make<TemplateStage>(host, {{"column", "count"}});
  EXPECT_EQ(filter.apply(some_words()).rows(), 3U);
}

TEST(TemplateStage, LeavesTheColumnsAsTheyAre) {
  const etl::testing::Host host;
  const auto filter = etl::testing::make<TemplateStage>(host, {{"column", "count"}});
  EXPECT_EQ(filter.schema(words()), words());
}

TEST(TemplateStage, RefusesAColumnThatIsNoNumber) {
  const etl::testing::Host host;
  const auto filter = etl::testing::make<TemplateStage>(host, {{"column", "word"}});
  try {
    static_cast<void>(filter.schema(words()));
    FAIL() << "no error";
  } catch (const etl::Error& error) {
    EXPECT_EQ(error.code(), etl::Code::config);
    EXPECT_EQ(error.option(), "column");  // the user is shown the line of this option
  }
}

// Runs the conformance checks on the class alone.
TEST(TemplateStage, FollowsThePluginAbi) {
  const auto found = etl::conformance::check<TemplateStage>({.options = {{"column", "number"}}});
  EXPECT_EQ(etl::conformance::failures(found), etl::Strings());
}

}  // namespace
