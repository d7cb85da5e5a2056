#include <etl/detail/buffer.hpp>

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace {

using etl::detail::Buffer;
using etl::detail::SpareMemory;

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

class SpareMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!SpareMemory::reuses) GTEST_SKIP() << "no memory is used again under AddressSanitizer";
  }
  void TearDown() override {
    for (std::size_t size = SpareMemory::least_bytes; size <= SpareMemory::most_bytes; size *= 2) {
      while (void* left = memory_.take(size).data) std::free(left);
    }
  }
  void* give(std::size_t size) {
    void* data = std::malloc(size);
    memory_.give({data, size});
    return data;
  }

  SpareMemory memory_;
};

TEST_F(SpareMemoryTest, ReturnsTheBlocksItKept) {
  void* const given = give(128 * kib);
  const SpareMemory::Block block = memory_.take(100 * kib);
  EXPECT_EQ(block.data, given);
  EXPECT_EQ(block.size, 128 * kib);
  EXPECT_EQ(memory_.take(100 * kib).data, nullptr);
  std::free(block.data);
}

TEST_F(SpareMemoryTest, ABlockFits) {
  give(1 * mib);
  EXPECT_EQ(memory_.take(1 * mib + 1).data, nullptr) << "too small";
  EXPECT_EQ(memory_.take(256 * kib).data, nullptr) << "a waste";
}

TEST_F(SpareMemoryTest, KeepsNoMoreThanItsLimit) {
  for (int i = 0; i < 20; ++i) give(1 * mib);
  std::size_t kept = 0;
  while (void* data = memory_.take(1 * mib).data) {
    std::free(data);
    kept += 1 * mib;
  }
  EXPECT_EQ(kept, SpareMemory::most_bytes);
}

TEST_F(SpareMemoryTest, SmallBlocksAreMallocs) {
  give(SpareMemory::least_bytes - 1);
  EXPECT_EQ(memory_.take(SpareMemory::least_bytes - 1).data, nullptr);
}

TEST(BufferTest, KeepsItsBytesWhileItGrowsOverOldMemory) {
  {
    Buffer old;
    old.extend(4 * mib);
  }
  std::string expected;
  Buffer buffer;
  for (int i = 0; expected.size() < 3 * mib; ++i) {
    const std::string piece = std::to_string(i);
    expected += piece;
    buffer.append(piece.data(), piece.size());
  }
  ASSERT_EQ(buffer.size(), expected.size());
  EXPECT_EQ(std::memcmp(buffer.data(), expected.data(), expected.size()), 0);
}

}  // namespace
