#include "core/runtime/plugin/share_batch.hpp"

#include <etl/builder.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace {

using etl::Batch;
using etl::runtime::share_batch;

const std::shared_ptr<const etl::Schema>& columns() {
  static const auto schema = std::make_shared<const etl::Schema>(
      etl::Schema{{"n", etl::Type::int64}, {"text", etl::Type::utf8, true}});
  return schema;
}

/// A batch whose array counts its releases.
class Counted {
 public:
  Batch batch(std::int64_t rows) {
    etl::BatchBuilder builder(columns());
    for (std::int64_t n = 0; n < rows; ++n) {
      builder.row(n, n % 3 == 0 ? std::nullopt : std::optional(std::to_string(n)));
    }
    std::move(builder.finish()).move_to(&inner_);
    ArrowArray outer = inner_;
    outer.private_data = this;
    outer.release = [](ArrowArray* array) {
      auto* self = static_cast<Counted*>(array->private_data);
      ++self->released;
      self->inner_.release(&self->inner_);
      array->release = nullptr;
    };
    return {&outer, columns()};
  }
  std::atomic<int> released = 0;

 private:
  ArrowArray inner_{};
};

void expect_rows(const Batch& batch, std::int64_t rows) {
  ASSERT_EQ(batch.rows(), static_cast<std::size_t>(rows));
  const auto numbers = batch.column<std::int64_t>("n");
  const auto texts = batch.column<std::string_view>("text");
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    EXPECT_EQ(numbers[row], static_cast<std::int64_t>(row));
    EXPECT_EQ(texts.null(row), row % 3 == 0);
    if (row % 3 != 0) {
      EXPECT_EQ(texts[row], std::to_string(row));
    }
  }
}

TEST(ShareBatchTest, OneIsTheBatchItself) {
  Counted counted;
  {
    const std::vector<Batch> copies = share_batch(counted.batch(5), 1);
    ASSERT_EQ(copies.size(), 1U);
    expect_rows(copies[0], 5);
  }
  EXPECT_EQ(counted.released, 1);
}

TEST(ShareBatchTest, NobodyWantsIt) {
  Counted counted;
  EXPECT_TRUE(share_batch(counted.batch(5), 0).empty());
  EXPECT_EQ(counted.released, 1);
}

TEST(ShareBatchTest, CopiesShareBuffersAndTheLastFreesThem) {
  Counted counted;
  std::vector<Batch> copies = share_batch(counted.batch(7), 3);
  ASSERT_EQ(copies.size(), 3U);
  for (const Batch& copy : copies) expect_rows(copy, 7);
  EXPECT_EQ(copies[0].array().children[0]->buffers[1], copies[2].array().children[0]->buffers[1]);
  copies.erase(copies.begin());
  copies.pop_back();
  EXPECT_EQ(counted.released, 0);
  expect_rows(copies[0], 7);
  copies.clear();
  EXPECT_EQ(counted.released, 1);
}

TEST(ShareBatchTest, ACopyCanBeCutWithoutTheOthers) {
  Counted counted;
  std::vector<Batch> copies = share_batch(counted.batch(9), 2);
  const Batch cut = std::move(copies[0]).slice(4, 2);
  EXPECT_EQ(cut.column<std::int64_t>("n")[0], 4);
  expect_rows(copies[1], 9);
}

TEST(ShareBatchTest, AColumnTakenOutOutlivesTheCopies) {
  Counted counted;
  etl::detail::OwnedArray column;
  {
    std::vector<Batch> copies = share_batch(counted.batch(6), 2);
    ArrowArray moved;
    std::move(copies[0]).move_to(&moved);
    column = etl::detail::OwnedArray(moved.children[0]);
    moved.release(&moved);
  }
  EXPECT_EQ(counted.released, 0);
  EXPECT_EQ(static_cast<const std::int64_t*>(column->buffers[1])[5], 5);
  column.reset();
  EXPECT_EQ(counted.released, 1);
}

TEST(ShareBatchTest, CopiesMayBeReadAndReleasedByManyThreads) {
  Counted counted;
  std::vector<Batch> copies = share_batch(counted.batch(1000), 8);
  std::vector<std::thread> threads;
  threads.reserve(copies.size());
  for (Batch& copy : copies) {
    threads.emplace_back([mine = std::move(copy)]() mutable {
      expect_rows(mine, 1000);
      const Batch half = std::move(mine).slice(0, 500);
      EXPECT_EQ(half.rows(), 500U);
    });
  }
  copies.clear();
  for (std::thread& thread : threads) thread.join();
  threads.clear();
  EXPECT_EQ(counted.released, 1);
}

}  // namespace
