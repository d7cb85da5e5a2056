// Runs the conformance kit in a unit test, as authors do, on a class that `etl new plugin` creates.
#include "filter/template_stage.hpp"

#include <etl/testing/conformance_test.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

namespace conformance = etl::conformance;
using conformance::Verdict;
using etl::Strings;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(Stage, FollowsThePluginAbi) {
  // Two columns instead of all types, which are slow under a sanitizer.
  const auto found = conformance::check<TemplateStage>(
      {.options = {{"column", "count"}},
       .columns = {{{"word", etl::Type::utf8}}, {{"count", etl::Type::int64, true}}}});
  EXPECT_THAT(conformance::failures(found), IsEmpty());
  EXPECT_THAT(conformance::skipped(found),
              ElementsAre("filter.predicate: the filter offers no predicate"));
  EXPECT_EQ(found.size(), conformance::checks_of(ETL_FILTER).size());
}

TEST(Stage, TakesGivenColumns) {
  const auto found = conformance::check<TemplateStage>(
      {.options = {{"column", "views"}, {"minimum", 5}},
       .columns = {{{"page", etl::Type::utf8}}, {{"views", etl::Type::int64}, {"1", "5", "7"}}}});
  EXPECT_THAT(conformance::failures(found), IsEmpty());
}

/// Keeps the first row of every batch, although a filter must not depend on batch boundaries.
struct First : TemplateStage {
  using TemplateStage::TemplateStage;
  static constexpr auto name = "first";
  static etl::Batch apply(etl::Batch batch) {
    return std::move(batch).keep_if([](std::size_t row) { return row == 0; });
  }
};

TEST(Stage, FailsTheCheckItViolates) {
  const auto found = conformance::check<First>({.options = {{"column", "number"}}});
  EXPECT_THAT(conformance::failures(found),
              ElementsAre(StartsWith("filter.borders: in batches of")));
  EXPECT_THAT(conformance::skipped(found),
              Contains("filter.huge: needs filter.borders, which did not pass"));
}

/// Crashes in the child process, not in this one.
struct Crashes : TemplateStage {
  using TemplateStage::TemplateStage;
  static constexpr auto name = "crashes";
  static etl::Batch apply(etl::Batch) { std::abort(); }
};

TEST(Stage, MayCrash) {
  const auto found = conformance::check<Crashes>({.options = {{"column", "number"}}});
  EXPECT_THAT(conformance::failures(found), ElementsAre(HasSubstr("killed by signal 6 (Aborted)")));
}

TEST(Stage, NeedsItsOptions) {
  const auto found = conformance::check<TemplateStage>();
  EXPECT_THAT(conformance::failures(found),
              ElementsAre("options.create: option \"column\" is required"));
}

}  // namespace
