/// \file
/// One line of an hour file: `domain_code SP title SP views SP response_bytes`. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wikipedia {

/// Reasons for rejecting a line: fixed phrases, so that rejects can be counted by reason. The first
/// that applies is given, in this order.
namespace reason {
inline constexpr std::string_view too_long = "line longer than 64 KiB";
inline constexpr std::string_view empty_line = "empty line";
inline constexpr std::string_view nul = "NUL byte";
inline constexpr std::string_view invalid_utf8 = "invalid UTF-8";
inline constexpr std::string_view empty_code = "empty domain code";
inline constexpr std::string_view few_fields = "fewer than 4 fields";
inline constexpr std::string_view empty_title = "empty title";
inline constexpr std::string_view views_no_number = "views is not a number";
inline constexpr std::string_view views_range = "views is out of range";
inline constexpr std::string_view bytes_no_number = "response_bytes is not a number";
inline constexpr std::string_view bytes_range = "response_bytes is out of range";
/// Only for replayed records: in a file a line feed ends the line.
inline constexpr std::string_view line_feed = "line feed in a line";
}  // namespace reason

/// Maximum length of a line without its end. MediaWiki limits titles to 255 bytes, or three times
/// that if percent-encoded.
inline constexpr std::size_t max_line = std::size_t{64} << 10;

/// The fields of a line, borrowed from it; the title is not unquoted.
struct PageViewLine {
  std::string_view code;
  std::string_view title;
  std::int64_t views = 0;
  std::int64_t response_bytes = 0;
};

/// Returns `line` without a CR at its end, since CRLF ends a line as well.
[[nodiscard]] constexpr std::string_view without_cr(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// Splits a line without its end. The code is the first field, the numbers are the last two, and
/// everything between is the title, which may contain spaces in files before 2019. Numbers consist
/// of decimal digits and fit into an int64. Does not check UTF-8.
///
/// Returns an empty view, or the reason for rejecting the line; `out` is then unspecified.
[[nodiscard]] std::string_view split_line(std::string_view line, PageViewLine& out);

/// Undoes the quoting of Spark's CSV writer, which has written the files since 2023-02: it encloses
/// a title that contains a quote in quotes, with a backslash before each inner quote and backslash.
/// Older files quote nothing. Independently of the date, a field is unquoted if it starts and ends
/// with a quote, contains at least one more and each of those follows a backslash, or if it is
/// `""`, Spark's empty text. So `"\"W\"_x"` becomes `"W"_x`, and the old title `"Heroes"` stays.
/// Inside, `\"` and `\\` lose their backslash; any other backslash stays.
///
/// Returns nothing if the field stays as it is.
[[nodiscard]] std::optional<std::string> unquote_title(std::string_view field);

}  // namespace wikipedia
