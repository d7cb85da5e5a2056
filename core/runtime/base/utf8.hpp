/// \file
/// Characters of UTF-8 text, for columns and for showing text that may be broken.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace etl::runtime {

/// What stands for a byte that is not UTF-8.
inline constexpr char32_t replacement_character = 0xFFFD;

/// What some editors put in front of a file.
inline constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

struct Character {
  char32_t value = 0;
  std::size_t bytes = 0;
  bool valid = true;  ///< false: one byte that is not UTF-8, as the replacement character
};

/// The first character. REQUIRES: text is not empty.
[[nodiscard]] Character first_character(std::string_view text);

void append_character(std::string& text, char32_t character);

/// Number of characters; a byte that is not UTF-8 is one.
[[nodiscard]] std::size_t count_characters(std::string_view text);

/// Whether a terminal would act on it instead of showing it.
[[nodiscard]] bool is_control(char32_t character);

/// Terminal columns that it takes: 0 for combining marks, 2 for East Asian wide characters and
/// emoji (Unicode's EastAsianWidth.txt, W and F), 1 for the rest.
[[nodiscard]] std::size_t display_width(char32_t character);

/// The text with control characters and broken bytes replaced.
[[nodiscard]] std::string printable(std::string_view text);
/// The same, with `line_break` in place of each line feed (and of a carriage return before it), and
/// without those at the end.
[[nodiscard]] std::string printable(std::string_view text, std::string_view line_break);

/// Terminal columns of a printable text.
[[nodiscard]] std::size_t display_width(std::string_view text);

}  // namespace etl::runtime
