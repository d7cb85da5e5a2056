#include "core/runtime/base/text_format.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)

TEST(TextFormatTest, Grouped) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(grouped(-123), "-123");
  EXPECT_EQ(grouped(-1234), "-1,234");
  EXPECT_EQ(grouped(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
  EXPECT_EQ(grouped(std::numeric_limits<std::int64_t>::max()), "9,223,372,036,854,775,807");
}

TEST(TextFormatTest, CountedHasTheRightPlural) {
  EXPECT_EQ(counted(0, "row"), "0 rows");
  EXPECT_EQ(counted(1, "row"), "1 row");
  EXPECT_EQ(counted(1200, "partition"), "1,200 partitions");
}

TEST(TextFormatTest, HumanBytes) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(1024.0 * 1024 * 1024 * 3), "3.0 GiB");
  EXPECT_EQ(human_bytes(1024.0 * 1024 * 1024 * 1024 * 2048), "2048.0 TiB");
  EXPECT_EQ(human_bytes(1024.0 * 1024 - 1), "1.0 MiB") << "not 1024.0 KiB";
}

TEST(TextFormatTest, HumanSeconds) {
  EXPECT_EQ(human_seconds(0), "0.0s");
  EXPECT_EQ(human_seconds(59.94), "59.9s");
  EXPECT_EQ(human_seconds(59.96), "1m 00s") << "not 60.0s";
  EXPECT_EQ(human_seconds(75.2), "1m 15s");
  EXPECT_EQ(human_seconds(3600), "1h 00m");
  EXPECT_EQ(human_seconds(90 * 3600 + 59 * 60), "90h 59m");
}

TEST(TextFormatTest, UtcText) {
  EXPECT_EQ(utc_text(0), "1970-01-01 00:00:00");
  EXPECT_EQ(utc_text(1472331600), "2016-08-27 21:00:00");
  EXPECT_EQ(utc_text(-1), "1969-12-31 23:59:59");
  EXPECT_EQ(zoned_text(1472331600'999'999), "2016-08-27 21:00:00Z");
  // Out of the calendar's range: shown as plain numbers.
  EXPECT_EQ(utc_text(std::numeric_limits<std::int64_t>::max()), "9223372036854775807");
  EXPECT_EQ(utc_text(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
}

TEST(TextFormatTest, AlignedPadsAndAlignsNumbersToTheRight) {
  EXPECT_EQ(aligned({{"name", "rows"}, {"a", "1,000"}, {"bcdef", "7"}}),
            "name   rows\n"
            "a      1,000\n"
            "bcdef      7\n");
}

TEST(TextFormatTest, AlignedTakesRowsOfAnyLength) {
  EXPECT_EQ(aligned({{"a"}, {"b", "c", "d"}, {}}), "a\nb  c  d\n\n");
  EXPECT_EQ(aligned({}), "");
}

TEST(TextFormatTest, AlignedCountsWhatATerminalShows) {
  // é is one column and two bytes; 東 is two columns and three bytes.
  EXPECT_EQ(aligned({{"é", "x"}, {"東", "x"}, {"abc", "x"}}), "é    x\n東   x\nabc  x\n");
}

TEST(TextFormatTest, AlignedKeepsCellsFromSteeringTheTerminal) {
  EXPECT_EQ(aligned({{"a\x1b[2Jb", "x\ny"}}), "a\xEF\xBF\xBD[2Jb  x y\n");
}

}  // namespace
