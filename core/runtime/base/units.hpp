/// \file
/// Parsing and formatting numbers, durations, sizes and relative times.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace etl::runtime {

/// Parses decimal digits and nothing else. Returns nothing if the number is too large.
[[nodiscard]] std::optional<std::int64_t> whole_number(std::string_view text);

/// Parses "250ms", "30s", "5m", "2h", "1d", and "0" without a unit. Returns nothing for anything
/// else, including negative and too large values.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// Parses "1048576", "512B", "64KiB", "16MiB", "1GiB", "1TiB" (powers of 1024), "64KB", "16MB",
/// "1GB", "1TB" (powers of 1000); a blank may precede the unit. Returns nothing for anything else,
/// including negative and too large values.
[[nodiscard]] std::optional<std::int64_t> parse_size(std::string_view text);

/// Parses "-15d", "-6h", "-30m", "-10s", "-250ms" and "now" into the time before now. Returns
/// nothing for anything else.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_relative_time(std::string_view text);

/// Formats a duration in the largest unit that gives a whole number: "90s", "2h", "0ms".
[[nodiscard]] std::string duration_text(std::chrono::milliseconds duration);
/// Formats a size in the largest power of 1024 that gives a whole number: "1536B", "64KiB".
[[nodiscard]] std::string size_text(std::int64_t bytes);

}  // namespace etl::runtime
