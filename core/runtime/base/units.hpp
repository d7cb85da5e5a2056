/// \file
/// Durations, sizes and relative times as a pipeline file writes them, and back into text.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace etl::runtime {

/// "250ms", "30s", "5m", "2h", "1d"; "0" needs no unit. Nothing for anything else, negative or too
/// large.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "1048576", "512B", "64KiB", "16MiB", "1GiB", "1TiB" (powers of 1024), "64KB", "16MB", "1GB",
/// "1TB" (powers of 1000); a blank before the unit is allowed. Nothing for anything else, negative
/// or too large.
[[nodiscard]] std::optional<std::int64_t> parse_size(std::string_view text);

/// How long before now: "-15d", "-6h", "-30m", "-10s", "-250ms", and "now" (zero). Nothing for
/// anything else.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_relative_time(std::string_view text);

/// In the largest unit that gives a whole number: "90s", "2h", "0ms".
[[nodiscard]] std::string duration_text(std::chrono::milliseconds duration);
/// In the largest power of 1024 that gives a whole number: "1536B", "64KiB".
[[nodiscard]] std::string size_text(std::int64_t bytes);

}  // namespace etl::runtime
