/// \file
/// Hours, and the names of their files.
///
/// A file is named after the END of its hour: `pageviews-20160827-210000.gz` contains the views
/// from 20:00 to 21:00 UTC, and the file 000000 belongs to the day before. Wikimedia's generator
/// adds the hour on purpose ("webstatscollector used the end of the collection period"). Except for
/// partition ids and paths, an hour here is the one in which the views happened. Pure functions.
#pragma once

#include <etl/options.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wikipedia {

/// The start of an hour, UTC.
using Hour = std::chrono::sys_time<std::chrono::hours>;

/// The first hour with page views, in the file 20150501-010000.
inline constexpr Hour first_hour =
    std::chrono::sys_days{std::chrono::year{2015} / std::chrono::May / 1};

/// Hours in [first, last).
struct HourRange {
  Hour first;
  Hour last;
};

/// Evaluates the options `start`, `end` and `hours`, of which two are given; times are rounded down
/// to the hour. Throws etl::Error (config) naming the wrong option: not two given, an empty range,
/// a start before first_hour, an end after the year 9999, more than a million hours.
[[nodiscard]] HourRange resolve_hours(std::optional<etl::Time> start, std::optional<etl::Time> end,
                                      std::optional<std::int64_t> hours);

/// Returns `pageviews-20160827-210000` for the hour that starts at 20:00.
[[nodiscard]] std::string partition_id(Hour hour);

/// Returns the hour of a partition id; nothing if `id` is not one.
[[nodiscard]] std::optional<Hour> hour_of(std::string_view id);

/// Returns the path of the file below the base URL, `2016/2016-08/pageviews-20160827-210000.gz`.
/// The folder follows the file name, so the last hour of August is in that of September.
[[nodiscard]] std::string relative_path(Hour hour);

}  // namespace wikipedia
