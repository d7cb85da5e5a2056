#include "plugins/wikipedia/hours.hpp"

#include <array>
#include <cstdio>

namespace wikipedia {
namespace {

using std::chrono::hours;

constexpr Hour end_of_time =
    std::chrono::sys_days{std::chrono::year{9999} / std::chrono::December / 31};
constexpr std::int64_t most_hours = 1'000'000;
constexpr std::string_view id_prefix = "pageviews-";
constexpr std::string_view id_suffix = "0000";

Hour floor_to_hour(etl::Time time) { return std::chrono::floor<hours>(time); }

/// Formats date and hour; `format` takes year, month, day and hour in this order.
template <std::size_t Size>
std::string print(const char (&format)[Size], Hour hour) {
  const auto day = std::chrono::floor<std::chrono::days>(hour);
  const std::chrono::year_month_day date{day};
  std::array<char, 64> text{};
  const int size =
      std::snprintf(text.data(), text.size(), format, static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    static_cast<int>((hour - day).count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string readable(Hour hour) { return print("%04d-%02u-%02uT%02d:00:00Z", hour); }

/// Reads exactly `count` digits.
std::optional<int> digits(std::string_view text, std::size_t first, std::size_t count) {
  int value = 0;
  for (const char c : text.substr(first, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

HourRange two_of(std::optional<etl::Time> start, std::optional<etl::Time> end,
                 std::optional<std::int64_t> count) {
  if (start && end && count) {
    throw etl::Error::config("start, end and hours are all given: give two of them").about("hours");
  }
  if (start && end) return {floor_to_hour(*start), floor_to_hour(*end)};
  if (!count) {
    throw etl::Error::config(
        "no hours selected: give start and end, start and hours, or end and hours")
        .about(end ? "end" : "start");
  }
  if (*count < 1 || *count > most_hours) {
    throw etl::Error::config("hours = " + std::to_string(*count) + " is not between 1 and " +
                             std::to_string(most_hours))
        .about("hours");
  }
  if (start) return {floor_to_hour(*start), floor_to_hour(*start) + hours(*count)};
  if (end) return {floor_to_hour(*end) - hours(*count), floor_to_hour(*end)};
  throw etl::Error::config("hours needs start or end as well").about("hours");
}

}  // namespace

HourRange resolve_hours(std::optional<etl::Time> start, std::optional<etl::Time> end,
                        std::optional<std::int64_t> count) {
  const HourRange range = two_of(start, end, count);
  if (range.last <= range.first) {
    throw etl::Error::config("no hours between the start, " + readable(range.first) +
                             ", and the end, " + readable(range.last) +
                             " (both rounded down to the hour)")
        .about("end");
  }
  if (range.first < first_hour) {
    throw etl::Error::config("no page views exist before " + readable(first_hour) +
                             "; the first hour selected is " + readable(range.first))
        .about(start ? "start" : "hours");
  }
  if (range.last > end_of_time) {
    throw etl::Error::config("the end is after the year 9999").about(end ? "end" : "start");
  }
  if ((range.last - range.first).count() > most_hours) {
    throw etl::Error::config("more than " + std::to_string(most_hours) + " hours from " +
                             readable(range.first) + " to " + readable(range.last))
        .about("end");
  }
  return range;
}

std::string partition_id(Hour hour) {
  return print("pageviews-%04d%02u%02u-%02d0000", hour + hours(1));
}

std::optional<Hour> hour_of(std::string_view id) {
  constexpr std::size_t size = std::string_view("pageviews-YYYYMMDD-HH0000").size();
  if (id.size() != size || !id.starts_with(id_prefix) || !id.ends_with(id_suffix))
    return std::nullopt;
  const std::string_view stamp = id.substr(id_prefix.size());
  const auto year = digits(stamp, 0, 4), month = digits(stamp, 4, 2), day = digits(stamp, 6, 2),
             hour = digits(stamp, 9, 2);
  if (!year || !month || !day || !hour || stamp[8] != '-' || *hour > 23) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return Hour(std::chrono::sys_days(date)) + hours(*hour) - hours(1);
}

std::string relative_path(Hour hour) {
  const std::string id = partition_id(hour);
  const std::string year = id.substr(id_prefix.size(), 4);
  const std::string month = id.substr(id_prefix.size() + 4, 2);
  return year + "/" + year + "-" + month + "/" + id + ".gz";
}

}  // namespace wikipedia
