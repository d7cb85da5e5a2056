#include <etl/plugin.hpp>

#include <gmock/gmock.h>

namespace {

using etl::Batch;
using etl::BatchBuilder;
using etl::Schema;
using etl::Type;
using testing::ElementsAre;

const Schema every_type = {
    {"flag", Type::boolean, true},       {"small", Type::int32, true},
    {"big", Type::int64, true},          {"real", Type::float64, true},
    {"text", Type::utf8, true},          {"raw", Type::binary, true},
    {"second", Type::timestamp_s, true}, {"micro", Type::timestamp_us, true}};

/// Row n has values derived from n; every third row is all null.
Batch numbered(std::int64_t rows) {
  BatchBuilder builder(every_type);
  for (std::int64_t n = 0; n < rows; ++n) {
    if (n % 3 == 2) {
      builder.row(std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt,
                  std::nullopt, std::nullopt, std::nullopt);
    } else {
      builder.row(n % 2 == 0, static_cast<std::int32_t>(n), n * 10, static_cast<double>(n) / 2,
                  "row " + std::to_string(n), std::string(static_cast<std::size_t>(n % 5), '\0'),
                  n + 100, n + 200);
    }
  }
  return builder.finish();
}

/// The rows' numbers, read back through every column, or -1 for null rows.
std::vector<std::int64_t> numbers(const Batch& batch) {
  std::vector<std::int64_t> found;
  const auto flag = batch.column<bool>("flag");
  const auto small = batch.column<std::int32_t>("small");
  const auto big = batch.column<std::int64_t>("big");
  const auto real = batch.column<double>("real");
  const auto text = batch.column<std::string_view>("text");
  const auto raw = batch.column<std::string_view>("raw");
  const auto second = batch.column<std::int64_t>("second");
  const auto micro = batch.column<std::int64_t>("micro");
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    if (small.null(row)) {
      EXPECT_TRUE(flag.null(row) && big.null(row) && real.null(row) && text.null(row) &&
                  raw.null(row) && second.null(row) && micro.null(row));
      found.push_back(-1);
      continue;
    }
    const std::int64_t n = small[row];
    EXPECT_FALSE(flag.null(row) || big.null(row) || text.null(row));
    EXPECT_EQ(flag[row], n % 2 == 0);
    EXPECT_EQ(big[row], n * 10);
    EXPECT_EQ(real[row], static_cast<double>(n) / 2);
    EXPECT_EQ(text[row], "row " + std::to_string(n));
    EXPECT_EQ(raw[row], std::string(static_cast<std::size_t>(n % 5), '\0'));
    EXPECT_EQ(second[row], n + 100);
    EXPECT_EQ(micro[row], n + 200);
    found.push_back(n);
  }
  return found;
}

TEST(BatchTest, ReadsBackEveryTypeWithNulls) {
  EXPECT_THAT(numbers(numbered(8)), ElementsAre(0, 1, -1, 3, 4, -1, 6, 7));
}

TEST(BatchTest, ReadsBackEveryRowAcrossBitmapBytes) {
  const std::vector<std::int64_t> found = numbers(numbered(100));
  for (std::size_t row = 0; row < found.size(); ++row) {
    EXPECT_EQ(found[row], row % 3 == 2 ? -1 : static_cast<std::int64_t>(row));
  }
}

TEST(BatchTest, AnEmptyBatchHasColumns) {
  const Batch batch = numbered(0);
  EXPECT_EQ(batch.rows(), 0U);
  EXPECT_EQ(batch.column<std::string_view>("text").size(), 0U);
}

TEST(BatchTest, SliceKeepsValuesAndSlicesAgain) {
  EXPECT_THAT(numbers(numbered(20).slice(3, 9).slice(1, 4)), ElementsAre(4, -1, 6, 7));
}

TEST(BatchTest, KeepIfReturnsTheBatchItselfWhenAllStay) {
  Batch batch = numbered(9);
  const void* before = batch.array().children[0];
  const Batch kept = std::move(batch).keep_if([](std::size_t) { return true; });
  EXPECT_EQ(kept.array().children[0], before);
}

TEST(BatchTest, KeepIfSlicesAdjacentRows) {
  Batch batch = numbered(9);
  const void* before = batch.array().children[0];
  const Batch kept = std::move(batch).keep_if([](std::size_t row) { return row >= 2 && row < 8; });
  EXPECT_EQ(kept.array().children[0], before);
  EXPECT_THAT(numbers(kept), ElementsAre(-1, 3, 4, -1, 6, 7));
}

TEST(BatchTest, KeepIfCopiesScatteredRowsOfEveryType) {
  const auto odd = [](std::size_t row) { return row % 2 == 1; };
  EXPECT_THAT(numbers(numbered(12).keep_if(odd)), ElementsAre(1, 3, -1, 7, 9, -1));
  EXPECT_THAT(numbers(numbered(30).slice(5, 10).keep_if(odd)), ElementsAre(6, -1, 10, 12, -1));
}

TEST(BatchTest, KeepIfOfNothingIsEmpty) {
  EXPECT_EQ(numbered(10).keep_if([](std::size_t) { return false; }).rows(), 0U);
}

TEST(BatchTest, BytesGrowWithTheData) {
  EXPECT_GT(numbered(1000).bytes(), numbered(10).bytes());
  // At least the numbers: 1,000 rows of 8 + 8 + 8 + 8 + 4 bytes.
  EXPECT_GE(numbered(1000).bytes(), 36'000U);
}

TEST(BatchTest, AWrongTypeNamesColumnAndBothTypes) {
  const Batch batch = numbered(1);
  try {
    static_cast<void>(batch.column<std::string_view>("big"));
    FAIL() << "no error";
  } catch (const etl::Error& error) {
    EXPECT_EQ(error.message(), "column \"big\" is int64, not utf8 or binary");
  }
}

TEST(BatchTest, AnUnknownColumnNamesTheAvailableOnes) {
  const Batch batch = numbered(1);
  try {
    static_cast<void>(batch.column<bool>("flagg"));
    FAIL() << "no error";
  } catch (const etl::Error& error) {
    EXPECT_THAT(error.message(),
                testing::StartsWith("there is no column \"flagg\"; available: \"flag\", "));
  }
}

TEST(BatchTest, RefusesAMalformedArray) {
  const auto schema = std::make_shared<const Schema>(every_type);
  const auto refuse = [&](auto&& damage, const char* what) {
    ArrowArray array;
    numbered(4).move_to(&array);
    damage(array);
    try {
      const Batch batch(&array, schema);
      ADD_FAILURE() << "accepted: " << what;
    } catch (const etl::Error& error) {
      EXPECT_THAT(error.message(), testing::HasSubstr(what));
    }
  };
  refuse([](ArrowArray& array) { array.length = -1; }, "negative length");
  refuse([](ArrowArray& array) { array.length = 5; }, "\"flag\" is shorter than the batch");
  refuse([](ArrowArray& array) { array.children[4]->n_buffers = 2; }, "\"text\" has 2 buffers");
  refuse([](ArrowArray& array) { array.children[1]->buffers[1] = nullptr; },
         "\"small\" has no data");
  refuse(
      [](ArrowArray& array) {
        array.children[7]->release(array.children[7]);
        array.n_children = 7;
      },
      "7 columns, but the schema has 8");
}

/// A column of Arrow string views over `far`, which only a plugin without the builder can make.
struct Views {
  static constexpr char far[] = "a text that is longer than twelve bytes";
  etl::v1::detail::TextView views[3] = {};
  std::int64_t sizes[1] = {sizeof(far) - 1};
  const void* buffers[4] = {nullptr, views, far, sizes};
  const void* none[1] = {nullptr};
  ArrowArray child{};
  ArrowArray* children[1] = {&child};
  int released = 0;

  ArrowArray batch() {
    views[0].size = 5;
    std::memcpy(views[0].inlined, "short", 5);
    views[1].size = static_cast<std::int32_t>(sizeof(far) - 1);
    views[1].far.buffer = 0;
    views[1].far.offset = 0;
    views[2].size = 12;
    std::memcpy(views[2].inlined, "exactly 12 b", 12);
    child.length = 3;
    child.n_buffers = 4;
    child.buffers = buffers;
    child.private_data = this;
    child.release = [](ArrowArray* array) {
      ++static_cast<Views*>(array->private_data)->released;
      array->release = nullptr;
    };
    ArrowArray array{};
    array.length = 3;
    array.n_buffers = 1;
    array.buffers = none;
    array.n_children = 1;
    array.children = children;
    array.private_data = this;
    array.release = [](ArrowArray* self) {
      if (self->children[0]->release != nullptr) self->children[0]->release(self->children[0]);
      self->release = nullptr;
    };
    return array;
  }
};

TEST(BatchTest, ReadsStringViewsAndKeepsTheirBuffersAlive) {
  Views views;
  const auto schema = std::make_shared<const Schema>(Schema{{"text", Type::utf8_view}});
  {
    ArrowArray array = views.batch();
    Batch batch(&array, schema);
    const auto text = batch.column<std::string_view>("text");
    EXPECT_EQ(text[0], "short");
    EXPECT_EQ(text[1], Views::far);
    EXPECT_EQ(text[2], "exactly 12 b");
    EXPECT_GE(batch.bytes(), 3 * 16 + sizeof(Views::far) - 1);
    const Batch kept = std::move(batch).keep_if([](std::size_t row) { return row != 1; });
    EXPECT_EQ(views.released, 0);
    EXPECT_EQ(kept.column<std::string_view>("text")[0], "short");
    EXPECT_EQ(kept.column<std::string_view>("text")[1], "exactly 12 b");
  }
  EXPECT_EQ(views.released, 1);
}

}  // namespace
