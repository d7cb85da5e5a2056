#include "core/runtime/base/units.hpp"

#include <gtest/gtest.h>

namespace {

using namespace etl::runtime;
using std::chrono::milliseconds;

TEST(Units, Durations) {
  EXPECT_EQ(parse_duration("250ms"), milliseconds(250));
  EXPECT_EQ(parse_duration("30s"), milliseconds(30'000));
  EXPECT_EQ(parse_duration("5m"), milliseconds(300'000));
  EXPECT_EQ(parse_duration("2h"), milliseconds(7'200'000));
  EXPECT_EQ(parse_duration("1d"), milliseconds(86'400'000));
  EXPECT_EQ(parse_duration("0"), milliseconds(0));
  EXPECT_EQ(parse_duration("0s"), milliseconds(0));
  // 2^63 ms is 106751991167 days and some.
  EXPECT_EQ(parse_duration("106751991167d"), milliseconds(106'751'991'167 * 86'400'000));
  for (const char* wrong : {"", "s", "1", "-1s", "+1s", "1.5s", "1 s", "1S", "1s ", " 1s", "1h30m",
                            "1w", "106751991168d", "99999999999999999999ms", "0x10s"}) {
    EXPECT_EQ(parse_duration(wrong), std::nullopt) << wrong;
  }
}

TEST(Units, Sizes) {
  EXPECT_EQ(parse_size("0"), 0);
  EXPECT_EQ(parse_size("1048576"), 1'048'576);
  EXPECT_EQ(parse_size("512B"), 512);
  EXPECT_EQ(parse_size("64KiB"), 65'536);
  EXPECT_EQ(parse_size("16 MiB"), 16'777'216);
  EXPECT_EQ(parse_size("1GiB"), 1'073'741'824);
  EXPECT_EQ(parse_size("1TiB"), 1'099'511'627'776);
  EXPECT_EQ(parse_size("64KB"), 64'000);
  EXPECT_EQ(parse_size("16MB"), 16'000'000);
  EXPECT_EQ(parse_size("1GB"), 1'000'000'000);
  EXPECT_EQ(parse_size("2TB"), 2'000'000'000'000);
  EXPECT_EQ(parse_size("8388607TiB"), 8'388'607 * 1'099'511'627'776);
  for (const char* wrong : {"", "KiB", "-1", "1.5MiB", "1kib", "1M", "1Mb", "1  MiB", "1MiB ",
                            " 1MiB", "8388608TiB", "9223372036854775808"}) {
    EXPECT_EQ(parse_size(wrong), std::nullopt) << wrong;
  }
}

TEST(Units, RelativeTimes) {
  EXPECT_EQ(parse_relative_time("now"), milliseconds(0));
  EXPECT_EQ(parse_relative_time("-15d"), std::chrono::days(15));
  EXPECT_EQ(parse_relative_time("-6h"), std::chrono::hours(6));
  EXPECT_EQ(parse_relative_time("-30m"), std::chrono::minutes(30));
  EXPECT_EQ(parse_relative_time("-10s"), std::chrono::seconds(10));
  for (const char* wrong : {"", "-", "15d", "+15d", "--15d", "- 15d", "Now", "now ", "-1"}) {
    EXPECT_EQ(parse_relative_time(wrong), std::nullopt) << wrong;
  }
}

TEST(Units, TextsAreReadBack) {
  EXPECT_EQ(duration_text(milliseconds(0)), "0ms");
  EXPECT_EQ(duration_text(milliseconds(90'000)), "90s");
  EXPECT_EQ(duration_text(milliseconds(7'200'000)), "2h");
  EXPECT_EQ(duration_text(milliseconds(1'500)), "1500ms");
  EXPECT_EQ(size_text(0), "0B");
  EXPECT_EQ(size_text(1'536), "1536B");
  EXPECT_EQ(size_text(65'536), "64KiB");
  for (const std::int64_t number : {1LL, 999LL, 60'000LL, 86'400'000LL, 1LL << 40, 3LL << 20}) {
    EXPECT_EQ(parse_duration(duration_text(milliseconds(number))), milliseconds(number));
    EXPECT_EQ(parse_size(size_text(number)), number);
  }
}

}  // namespace
