#include "plugins/common/sql/timestamp_text.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <limits>
#include <memory>
#include <random>

namespace {

using sql::Fraction;
using sql::parse_timestamp;
using sql::timestamp_text;
using sql::timestamp_text_us;

std::string text_of(std::int64_t micros, Fraction fraction = Fraction::when_not_zero) {
  const auto text = timestamp_text_us(micros, fraction);
  return text ? std::string(text->view()) : "none";
}

TEST(TimestampText, EqualsTheTextOfSqlitesOwnFunctions) {
  sqlite3* opened = nullptr;
  ASSERT_EQ(sqlite3_open(":memory:", &opened), SQLITE_OK);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> database(opened, &sqlite3_close);
  sqlite3_stmt* prepared = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(opened, "SELECT datetime(?, 'unixepoch')", -1, &prepared, nullptr),
            SQLITE_OK);
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> query(prepared, &sqlite3_finalize);
  std::mt19937_64 random(1);
  std::uniform_int_distribution<std::int64_t> seconds(-62167219200, 253402300799);
  std::vector<std::int64_t> times = {-62167219200, 253402300799, 0,         -1,
                                     951782400,    951868799,    4107542399};
  for (int i = 0; i < 2000; ++i) times.push_back(seconds(random));
  for (const std::int64_t time : times) {
    const auto text = timestamp_text(time);
    ASSERT_TRUE(text);
    sqlite3_reset(prepared);
    sqlite3_bind_int64(prepared, 1, time);
    ASSERT_EQ(sqlite3_step(prepared), SQLITE_ROW);
    ASSERT_EQ(text->view(), reinterpret_cast<const char*>(sqlite3_column_text(prepared, 0)));
    ASSERT_EQ(parse_timestamp(text->view()), time * 1000000);
  }
}

TEST(TimestampText, WritesAFractionWhereThereIsOne) {
  EXPECT_EQ(text_of(0), "1970-01-01 00:00:00");
  EXPECT_EQ(text_of(0, Fraction::always), "1970-01-01 00:00:00.000000");
  EXPECT_EQ(text_of(1), "1970-01-01 00:00:00.000001");
  EXPECT_EQ(text_of(-1), "1969-12-31 23:59:59.999999");
  EXPECT_EQ(text_of(-1000000), "1969-12-31 23:59:59");
  EXPECT_EQ(text_of(-1500000), "1969-12-31 23:59:58.500000");
}

TEST(TimestampText, HasNoTextForYearsOfFiveDigitsOrBeforeZero) {
  EXPECT_FALSE(timestamp_text(253402300800));
  EXPECT_FALSE(timestamp_text(-62167219201));
  EXPECT_FALSE(timestamp_text(std::numeric_limits<std::int64_t>::max()));
  EXPECT_FALSE(timestamp_text(std::numeric_limits<std::int64_t>::min()));
  EXPECT_FALSE(timestamp_text_us(std::numeric_limits<std::int64_t>::min()));
}

TEST(TimestampText, ReadsBackWhatItWrites) {
  std::mt19937_64 random(2);
  std::uniform_int_distribution<std::int64_t> micros(-62167219200000000, 253402300799999999);
  for (int i = 0; i < 2000; ++i) {
    const std::int64_t time = micros(random);
    ASSERT_EQ(parse_timestamp(text_of(time)), time);
    ASSERT_EQ(parse_timestamp(text_of(time, Fraction::always)), time);
  }
}

TEST(TimestampText, ReadsNothingElse) {
  for (const char* text :
       {"", "2016", "2016-08-27", "2016-08-27T20:00:00", "2016-08-27 20:00:00.",
        "2016-08-27 20:00:00.5", "2016-08-27 20:00:00.5000000", "2016-02-30 00:00:00",
        "2016-13-01 00:00:00", "2016-08-27 24:00:00", "2016-08-27 20:60:00", "2016-08-27 20:00:61",
        "2016-08-27 20:00:0x", "+016-08-27 20:00:00"}) {
    EXPECT_FALSE(parse_timestamp(text)) << text;
  }
}

}  // namespace
