#include <etl/plugin.hpp>

#include <gmock/gmock.h>

namespace {

using etl::BatchBuilder;
using etl::Schema;
using etl::Type;

TEST(BuilderTest, TakesWhatConvertsToText) {
  BatchBuilder builder({{"t", Type::utf8}});
  builder.row("literal");
  builder.row(std::string("string"));
  builder.row(std::string_view("view"));
  builder.row(std::string_view());
  const etl::Batch batch = builder.finish();
  const auto text = batch.column<std::string_view>("t");
  EXPECT_EQ(text[0], "literal");
  EXPECT_EQ(text[1], "string");
  EXPECT_EQ(text[2], "view");
  EXPECT_EQ(text[3], "");
}

TEST(BuilderTest, IsEmptyAfterFinishAndGoesOn) {
  BatchBuilder builder({{"n", Type::int64}, {"t", Type::utf8}});
  for (int round = 0; round < 3; ++round) {
    for (std::int64_t n = 0; n < 1000; ++n) builder.row(n * round, std::to_string(n));
    const etl::Batch batch = builder.finish();
    EXPECT_EQ(builder.rows(), 0U);
    ASSERT_EQ(batch.rows(), 1000U);
    EXPECT_EQ(batch.column<std::int64_t>("n")[999], 999 * round);
    EXPECT_EQ(batch.column<std::string_view>("t")[999], "999");
  }
}

TEST(BuilderTest, ABatchOutlivesItsBuilder) {
  std::optional<etl::Batch> batch;
  {
    BatchBuilder builder({{"t", Type::utf8}});
    builder.row("still here");
    batch = builder.finish();
  }
  EXPECT_EQ(batch->column<std::string_view>(0)[0], "still here");
}

TEST(BuilderTest, ARowThatDoesNotFitIsRefusedAndNothingAppended) {
  BatchBuilder builder({{"n", Type::int64}, {"t", Type::utf8, true}});
  const auto message = [&](auto&&... values) -> std::string {
    try {
      builder.row(values...);
      return "accepted";
    } catch (const etl::Error& error) {
      EXPECT_EQ(error.code(), etl::Code::internal);
      return error.message();
    }
  };
  EXPECT_EQ(message(std::int64_t{1}), "a row of 1 values for 2 columns");
  EXPECT_EQ(message("x", "y"),
            "a value of the row does not fit column \"n\" (int64, not nullable)");
  EXPECT_EQ(message(std::int64_t{1}, 2.0),
            "a value of the row does not fit column \"t\" (utf8, nullable)");
  EXPECT_EQ(message(std::nullopt, "y"),
            "a value of the row does not fit column \"n\" (int64, not nullable)");
  EXPECT_EQ(builder.rows(), 0U);
  EXPECT_EQ(message(std::int64_t{1}, std::nullopt), "accepted");
  EXPECT_EQ(message(std::int64_t{1}, std::optional<std::string>()), "accepted");
  EXPECT_EQ(builder.finish().rows(), 2U);
}

TEST(BuilderTest, DoesNotTruncateIntoInt32) {
  BatchBuilder builder({{"n", Type::int32}});
  EXPECT_THROW(builder.row(std::int64_t{1}), etl::Error);
  builder.row(std::int32_t{-7});
  EXPECT_EQ(builder.finish().column<std::int32_t>("n")[0], -7);
}

TEST(BuilderTest, ExportedChildrenMayBeMovedOut) {
  BatchBuilder builder({{"a", Type::utf8}, {"b", Type::int64}});
  builder.row("moved", std::int64_t{1});
  ArrowArray array;
  builder.finish().move_to(&array);
  etl::v1::detail::OwnedArray child(array.children[0]);  // as the specification allows
  array.release(&array);
  const auto* offsets = static_cast<const std::int32_t*>(child->buffers[1]);
  EXPECT_EQ(std::string_view(static_cast<const char*>(child->buffers[2]),
                             static_cast<std::size_t>(offsets[1])),
            "moved");
}

}  // namespace
