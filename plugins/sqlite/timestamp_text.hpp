/// \file
/// Timestamps as SQLite's own date functions write them: `2016-08-27 20:00:00`, UTC.
/// https://www.sqlite.org/lang_datefunc.html
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sqlite {

/// A formatted timestamp; a plain value of fixed size, so that formatting allocates nothing.
struct TimestampText {
  std::array<char, 26> bytes;
  std::size_t size = 0;

  [[nodiscard]] std::string_view view() const { return {bytes.data(), size}; }
};

/// Whether to write `.ffffff`. Left out where it is zero, the texts still sort as the times do.
enum class Fraction { when_not_zero, always };

/// `seconds` since 1970-01-01 and `micros` in [0, 1000000) as text. Nothing when the year is not in
/// 0000..9999, which the format (and SQLite's functions) cannot say.
[[nodiscard]] std::optional<TimestampText> timestamp_text(
    std::int64_t seconds, std::int32_t micros = 0, Fraction fraction = Fraction::when_not_zero);
/// The same for microseconds since 1970-01-01, which may be negative.
[[nodiscard]] std::optional<TimestampText> timestamp_text_us(
    std::int64_t micros, Fraction fraction = Fraction::when_not_zero);

/// The reverse, in microseconds since 1970-01-01. Nothing for what timestamp_text() does not write.
[[nodiscard]] std::optional<std::int64_t> parse_timestamp(std::string_view text);

}  // namespace sqlite
