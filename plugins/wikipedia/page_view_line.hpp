/// \file
/// One line of an hour file: `domain_code SP title SP views SP response_bytes`. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wikipedia {

/// Why a line is rejected: fixed phrases, so that rejects can be summed. The first that holds, in
/// this order.
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
/// Only of a record that is replayed: in a file a line feed ends the line.
inline constexpr std::string_view line_feed = "line feed in a line";
}  // namespace reason

/// Longest line, without its end. The longest title the site can have is 255 bytes, percent-encoded
/// three times that.
inline constexpr std::size_t max_line = std::size_t{64} << 10;

/// The fields of a line, borrowed from it; the title as it stands there.
struct PageViewLine {
  std::string_view code;
  std::string_view title;
  std::int64_t views = 0;
  std::int64_t response_bytes = 0;
};

/// `line` without one CR at its end: CRLF ends a line as well.
[[nodiscard]] constexpr std::string_view without_cr(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// Splits a line that has lost its end. The code reaches to the first space, the numbers are the
/// last two fields, and all between is the title: in files from before 2019 it may hold spaces,
/// which would be a fifth field. Numbers are decimal digits alone and fit an int64. Does not look
/// at UTF-8.
///
/// Returns an empty view, or the reason why the line is rejected; then `out` is unspecified.
[[nodiscard]] std::string_view split_line(std::string_view line, PageViewLine& out);

/// A title as it was before Spark wrote it. Files since 2023-02 come from Spark's CSV writer, which
/// wraps a title in quotes when a quote is in it, with a backslash before each inner quote and each
/// backslash; older files quote nothing. Without looking at the date: a field is unwrapped when it
/// starts and ends with a quote, at least one quote is inside and each of those has a backslash in
/// front, or when it is `""`, Spark's empty text. So `"\"W\"_x"` becomes `"W"_x`, and the old title
/// `"Heroes"` stays. Inside, `\"` and `\\` lose their backslash; another backslash stays.
///
/// Nothing when the field stays as it is.
[[nodiscard]] std::optional<std::string> unquote_title(std::string_view field);

}  // namespace wikipedia
