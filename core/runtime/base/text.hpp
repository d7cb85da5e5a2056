/// \file
/// Small operations on text. Letters are those of ASCII.
#pragma once

#include <string>
#include <string_view>

namespace etl::runtime {

[[nodiscard]] constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_letter_or_digit(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

/// `text` with `by` in place of every `what`. REQUIRES: `what` is not empty.
[[nodiscard]] inline std::string replaced(std::string text, std::string_view what,
                                          std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

}  // namespace etl::runtime
