/// \file
/// Numbers and tables formatted for people.
#pragma once

#include <cstddef>
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
/// A time of a ledger, in microseconds, with its zone -> "2016-08-27 21:00:00Z".
std::string zoned_text(std::int64_t microseconds);

/// Aligns tables that are too large to be kept as text: measure() every row, then format it.
class ColumnWidths {
 public:
  void measure(const std::vector<std::string>& row);
  /// The row with a line break at its end, as aligned() formats it.
  [[nodiscard]] std::string line(const std::vector<std::string>& row) const;

 private:
  std::vector<std::size_t> widths_;
};

/// Formats rows of cells as aligned columns, two spaces apart, with numbers aligned to the right.
/// Widths are terminal columns. Line breaks and control characters in cells are replaced.
std::string aligned(const std::vector<std::vector<std::string>>& rows);

}  // namespace etl::runtime
