#include "core/runtime/base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace etl::runtime {
namespace {

constexpr std::size_t max_quoted = 80;  // characters

/// Characters that do not take one column.
struct Range {
  char32_t first, last;
  std::size_t columns;
};

// Sorted. Whole blocks keep the table short; for rare scripts a caret may be one column off.
constexpr std::array<Range, 35> other_widths{{
    {0x0300, 0x036F, 0},   {0x0483, 0x0489, 0},   {0x0591, 0x05BD, 0},   {0x0610, 0x061A, 0},
    {0x064B, 0x065F, 0},   {0x06D6, 0x06DC, 0},   {0x0730, 0x074A, 0},   {0x0900, 0x0902, 0},
    {0x093C, 0x093C, 0},   {0x0941, 0x0948, 0},   {0x0E31, 0x0E31, 0},   {0x0E34, 0x0E3A, 0},
    {0x0E47, 0x0E4E, 0},   {0x1100, 0x115F, 2},   {0x1AB0, 0x1AFF, 0},   {0x1DC0, 0x1DFF, 0},
    {0x200B, 0x200F, 0},   {0x2060, 0x2064, 0},   {0x20D0, 0x20FF, 0},   {0x231A, 0x231B, 2},
    {0x23E9, 0x23EC, 2},   {0x2E80, 0x303E, 2},   {0x3041, 0x4DBF, 2},   {0x4E00, 0xA4CF, 2},
    {0xA960, 0xA97F, 2},   {0xAC00, 0xD7A3, 2},   {0xF900, 0xFAFF, 2},   {0xFE00, 0xFE0F, 0},
    {0xFE20, 0xFE2F, 0},   {0xFE30, 0xFE6F, 2},   {0xFF01, 0xFF60, 2},   {0xFFE0, 0xFFE6, 2},
    {0x1F300, 0x1FAFF, 2}, {0x20000, 0x3FFFD, 2}, {0xE0100, 0xE01EF, 0},
}};

}  // namespace

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const Character broken{replacement_character, 1, false};
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return broken;
  char32_t value = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return broken;
    value = (value << 6U) | (byte(i) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < smallest.at(bytes) || value > 0x10FFFF || surrogate) return broken;
  return {value, bytes};
}

std::optional<std::size_t> first_invalid_byte(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Character next = first_character(text.substr(at));
    if (!next.valid) return at;
    at += next.bytes;
  }
  return std::nullopt;
}

void append_character(std::string& text, char32_t character) {
  const auto put = [&](char32_t byte) {
    text += static_cast<char>(static_cast<unsigned char>(byte));
  };
  const auto tail = [&](unsigned shift) { put(0x80U | ((character >> shift) & 0x3FU)); };
  if (character < 0x80) {
    put(character);
  } else if (character < 0x800) {
    put(0xC0U | (character >> 6U));
    tail(0);
  } else if (character < 0x10000) {
    put(0xE0U | (character >> 12U));
    tail(6);
    tail(0);
  } else {
    put(0xF0U | (character >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(first_character(text).bytes);
  return count;
}

bool is_control(char32_t character) {
  // C0, DEL, C1, line separators, and direction overrides, which can disguise text.
  return character < 0x20 || (character >= 0x7F && character < 0xA0) || character == 0x2028 ||
         character == 0x2029 || (character >= 0x202A && character <= 0x202E) ||
         (character >= 0x2066 && character <= 0x2069) || character == 0xFEFF;
}

std::size_t display_width(char32_t character) {
  const auto range = std::ranges::lower_bound(other_widths, character, {}, &Range::last);
  return range != other_widths.end() && range->first <= character ? range->columns : 1;
}

std::string printable(std::string_view text) {
  const auto plain = [](char c) { return c >= ' ' && c < 0x7F; };
  if (std::ranges::all_of(text, plain)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character next = first_character(text);
    append_character(out, is_control(next.value) ? replacement_character : next.value);
    text.remove_prefix(next.bytes);
  }
  return out;
}

std::string printable(std::string_view text, std::string_view line_break) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  std::string out;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out.append(printable(line)).append(line_break);
    text.remove_prefix(end + 1);
  }
  return out + printable(text);
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (std::size_t shown = 0; !text.empty(); ++shown) {
    if (shown == max_quoted) return out + "...\"";
    const Character next = first_character(text);
    if (!next.valid) out += fmt::format("\\x{:02X}", static_cast<unsigned char>(text.front()));
    else if (next.value == U'\n') out += "\\n";
    else if (next.value == U'\t') out += "\\t";
    else if (is_control(next.value))
      out += fmt::format("\\u{:04X}", static_cast<std::uint32_t>(next.value));
    else out += text.substr(0, next.bytes);
    text.remove_prefix(next.bytes);
  }
  return out + '"';
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character next = first_character(text);
    width += display_width(next.value);
    text.remove_prefix(next.bytes);
  }
  return width;
}

}  // namespace etl::runtime
