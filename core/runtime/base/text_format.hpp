/// \file
/// Numbers and tables formatted for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// 1234567 -> "1,234,567"
std::string grouped(std::int64_t number);
/// (1, "row") -> "1 row"; (1200, "row") -> "1,200 rows". `noun` is one whose plural ends in "s".
std::string counted(std::int64_t number, std::string_view noun);
/// 1536 -> "1.5 KiB"
std::string human_bytes(double bytes);
/// 75.2 -> "1m 15s"
std::string human_seconds(double seconds);

/// Seconds since 1970-01-01 UTC -> "2016-08-27 21:00:00"; the plain number if it is out of range.
std::string utc_text(std::int64_t seconds);

/// Formats rows of cells as aligned columns, two spaces apart, with numbers aligned to the right.
/// Widths are terminal columns. Line breaks and control characters in cells are replaced.
std::string aligned(const std::vector<std::vector<std::string>>& rows);

}  // namespace etl::runtime
