#include "plugins/wikipedia/hours.hpp"

#include "tests/plugins/common/support.hpp"

#include <gtest/gtest.h>

namespace wikipedia {
namespace {

using test::thrown_by;
using test::utc;

etl::Time time(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
  return etl::Time(std::chrono::microseconds(utc(year, month, day, hour, minute)));
}
Hour hour(int year, unsigned month, unsigned day, int of_day) {
  return std::chrono::floor<std::chrono::hours>(time(year, month, day, of_day));
}

TEST(Hours, FileIsNamedAfterTheEndOfItsHour) {
  EXPECT_EQ(partition_id(hour(2016, 8, 27, 20)), "pageviews-20160827-210000");
  EXPECT_EQ(relative_path(hour(2016, 8, 27, 20)), "2016/2016-08/pageviews-20160827-210000.gz");
}

TEST(Hours, MidnightFileBelongsToTheDayBefore) {
  EXPECT_EQ(relative_path(hour(2016, 8, 27, 23)), "2016/2016-08/pageviews-20160828-000000.gz");
  EXPECT_EQ(relative_path(hour(2016, 8, 31, 23)), "2016/2016-09/pageviews-20160901-000000.gz");
  EXPECT_EQ(relative_path(hour(2018, 12, 31, 23)), "2019/2019-01/pageviews-20190101-000000.gz");
  EXPECT_EQ(relative_path(hour(2020, 2, 28, 23)), "2020/2020-02/pageviews-20200229-000000.gz");
  EXPECT_EQ(relative_path(hour(2020, 2, 29, 23)), "2020/2020-03/pageviews-20200301-000000.gz");
}

TEST(Hours, CivilDayIsTheFilesFromOneToMidnight) {
  const HourRange day = resolve_hours(time(2019, 1, 1), time(2019, 1, 2), {});
  EXPECT_EQ((day.last - day.first).count(), 24);
  EXPECT_EQ(partition_id(day.first), "pageviews-20190101-010000");
  EXPECT_EQ(partition_id(day.last - std::chrono::hours(1)), "pageviews-20190102-000000");
}

TEST(Hours, IdLeadsBackToTheHour) {
  for (Hour each = hour(2015, 12, 30, 0); each < hour(2016, 1, 3, 0);
       each += std::chrono::hours(1)) {
    EXPECT_EQ(hour_of(partition_id(each)), each) << partition_id(each);
  }
}

TEST(Hours, InvalidIdsAreRefused) {
  for (const char* id :
       {"", "pageviews-20160827-210000.gz", "pageviews-20160827-21000",
        "pagecounts-20160827-210000", "pageviews-20160827-210001", "pageviews-20160827-240000",
        "pageviews-20160832-210000", "pageviews-20160230-210000", "pageviews-20161327-210000",
        "pageviews-2016082x-210000", "pageviews-20160827_210000", "pageviews-20160827-2-0000",
        "../../etc/passwd"}) {
    EXPECT_EQ(hour_of(id), std::nullopt) << id;
  }
}

TEST(Hours, AnyTwoOfThreeSayTheRange) {
  const HourRange expected{hour(2016, 8, 27, 20), hour(2016, 8, 27, 23)};
  const auto same = [&](const HourRange& range) {
    EXPECT_EQ(range.first, expected.first);
    EXPECT_EQ(range.last, expected.last);
  };
  same(resolve_hours(time(2016, 8, 27, 20), time(2016, 8, 27, 23), {}));
  same(resolve_hours(time(2016, 8, 27, 20), {}, 3));
  same(resolve_hours({}, time(2016, 8, 27, 23), 3));
}

TEST(Hours, TimesAreRoundedDown) {
  const HourRange range = resolve_hours(time(2016, 8, 27, 20, 59), time(2016, 8, 27, 22, 1), {});
  EXPECT_EQ(range.first, hour(2016, 8, 27, 20));
  EXPECT_EQ(range.last, hour(2016, 8, 27, 22));
}

TEST(Hours, OtherCombinationsAreRefused) {
  const auto option = [](auto start, auto end, std::optional<std::int64_t> hours) {
    const test::Thrown thrown = thrown_by([&] { (void)resolve_hours(start, end, hours); });
    EXPECT_EQ(thrown.code, ETL_CONFIG) << thrown.message;
    return thrown.option;
  };
  using Maybe = std::optional<etl::Time>;
  const Maybe none, start = time(2016, 8, 27, 20), end = time(2016, 8, 27, 23);
  EXPECT_EQ(option(none, none, {}), "start");
  EXPECT_EQ(option(start, none, {}), "start");
  EXPECT_EQ(option(none, end, {}), "end");
  EXPECT_EQ(option(none, none, 3), "hours");
  EXPECT_EQ(option(start, end, 3), "hours");
  EXPECT_EQ(option(start, none, 0), "hours");
  EXPECT_EQ(option(start, none, -3), "hours");
  EXPECT_EQ(option(end, start, {}), "end");
  EXPECT_EQ(option(start, start, {}), "end");
  EXPECT_EQ(option(start, Maybe(time(2016, 8, 27, 20, 59)), {}), "end");
}

TEST(Hours, NothingBeforeTheFirstFile) {
  EXPECT_EQ(partition_id(resolve_hours(time(2015, 5, 1), {}, 1).first),
            "pageviews-20150501-010000");
  EXPECT_EQ(thrown_by([] { (void)resolve_hours(time(2015, 4, 30, 23, 59), {}, 1); }).option,
            "start");
  EXPECT_EQ(thrown_by([] { (void)resolve_hours({}, time(2015, 5, 1, 1), 2); }).option, "hours");
}

TEST(Hours, RangeIsBounded) {
  EXPECT_EQ(thrown_by([] { (void)resolve_hours(time(2016, 1, 1), time(9000, 1, 1), {}); }).option,
            "end");
  EXPECT_EQ(thrown_by([] { (void)resolve_hours(time(9998, 1, 1), {}, 900'000); }).option, "start");
  EXPECT_EQ(thrown_by([] { (void)resolve_hours(time(2016, 1, 1), {}, 1'000'001); }).option,
            "hours");
}

}  // namespace
}  // namespace wikipedia
