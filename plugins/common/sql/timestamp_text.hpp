/// \file
/// Timestamps as ISO text, UTC: `2016-08-27 20:00:00`, which sorts by time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sql {

/// A formatted timestamp. A plain value of fixed size, so that formatting does not allocate.
struct TimestampText {
  std::array<char, 26> bytes;
  std::size_t size = 0;

  [[nodiscard]] std::string_view view() const { return {bytes.data(), size}; }
};

/// Whether to write `.ffffff`. Texts sort by time either way.
enum class Fraction { when_not_zero, always };

/// Formats `seconds` since 1970-01-01 and `micros` in [0, 1000000). Nothing outside the years 0000 to
/// 9999.
[[nodiscard]] std::optional<TimestampText> timestamp_text(
    std::int64_t seconds, std::int32_t micros = 0, Fraction fraction = Fraction::when_not_zero);
/// Formats microseconds since 1970-01-01, which may be negative.
[[nodiscard]] std::optional<TimestampText> timestamp_text_us(
    std::int64_t micros, Fraction fraction = Fraction::when_not_zero);

/// Reads such a text: microseconds since 1970-01-01, nothing for other texts.
[[nodiscard]] std::optional<std::int64_t> parse_timestamp(std::string_view text);

}  // namespace sql
