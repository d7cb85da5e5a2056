/// \file
/// Hours, and the names of the files that hold them.
///
/// A file is named after the END of its hour: `pageviews-20160827-210000.gz` holds the views from
/// 20:00 to 21:00 UTC, and the file 000000 belongs to the day before. Wikimedia's generator adds
/// the hour on purpose ("webstatscollector used the end of the collection period"). Everything here
/// but a partition id and a path speaks of the hour in which the views happened. Pure functions.
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

/// The first hour there is: it is in the file 20150501-010000.
inline constexpr Hour first_hour =
    std::chrono::sys_days{std::chrono::year{2015} / std::chrono::May / 1};

/// Hours in [first, last).
struct HourRange {
  Hour first;
  Hour last;
};

/// What `start`, `end` and `hours` mean: any two of them, times rounded down to the hour. Throws
/// etl::Error (config) about the option that is wrong: none or three given, nothing between start
/// and end, a start before first_hour, an end after the year 9999, more than a million hours.
[[nodiscard]] HourRange resolve_hours(std::optional<etl::Time> start, std::optional<etl::Time> end,
                                      std::optional<std::int64_t> hours);

/// `pageviews-20160827-210000` for the hour that began at 20:00.
[[nodiscard]] std::string partition_id(Hour hour);

/// The reverse; nothing when `id` is no partition id.
[[nodiscard]] std::optional<Hour> hour_of(std::string_view id);

/// `2016/2016-08/pageviews-20160827-210000.gz`: where the file is, below the base URL. The folder
/// is that of the file's name, so the last hour of August is in September's.
[[nodiscard]] std::string relative_path(Hour hour);

}  // namespace wikipedia
