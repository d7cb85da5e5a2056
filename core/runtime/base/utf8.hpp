/// \file
/// UTF-8: decoding, terminal width, and making untrusted text printable.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace etl::runtime {

/// Replaces a byte that is not valid UTF-8.
inline constexpr char32_t replacement_character = 0xFFFD;

/// The UTF-8 byte order mark, which some editors write at the start of a file.
inline constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

struct Character {
  char32_t value = 0;
  std::size_t bytes = 0;
  bool valid = true;  ///< false: one invalid byte, decoded as replacement_character
};

/// Decodes the first character. REQUIRES: text is not empty.
[[nodiscard]] Character first_character(std::string_view text);

/// The position of the first byte that is not valid UTF-8; nothing if all of it is.
[[nodiscard]] std::optional<std::size_t> first_invalid_byte(std::string_view text);

void append_character(std::string& text, char32_t character);

/// The number of characters, counting an invalid byte as one.
[[nodiscard]] std::size_t count_characters(std::string_view text);

/// Whether a terminal may interpret the character instead of showing it.
[[nodiscard]] bool is_control(char32_t character);

/// The number of terminal columns: 0 for combining marks, 2 for East Asian wide characters and
/// emoji (Unicode's EastAsianWidth.txt, W and F), 1 for all others.
[[nodiscard]] std::size_t display_width(char32_t character);

/// Replaces control characters and invalid bytes.
[[nodiscard]] std::string printable(std::string_view text);
/// Does the same, replaces each LF or CRLF with `line_break`, and drops those at the end.
[[nodiscard]] std::string printable(std::string_view text, std::string_view line_break);

/// Quotes `text` for a message: escapes control characters and invalid UTF-8, and truncates long
/// text.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// The number of terminal columns of a printable text.
[[nodiscard]] std::size_t display_width(std::string_view text);

}  // namespace etl::runtime
