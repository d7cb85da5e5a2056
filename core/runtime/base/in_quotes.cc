#include "core/runtime/base/in_quotes.hpp"

#include "core/runtime/base/utf8.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>

namespace etl::runtime {
namespace {

constexpr std::size_t max_quoted = 80;  // characters

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (std::size_t shown = 0; !text.empty(); ++shown) {
    if (shown == max_quoted) {
      out += "...";
      break;
    }
    const Character next = first_character(text);
    if (!next.valid) {
      out += fmt::format("\\x{:02X}", static_cast<unsigned char>(text.front()));
    } else if (next.value == U'\n') {
      out += "\\n";
    } else if (next.value == U'\t') {
      out += "\\t";
    } else if (is_control(next.value)) {
      out += fmt::format("\\u{:04X}", static_cast<std::uint32_t>(next.value));
    } else {
      out += text.substr(0, next.bytes);
    }
    text.remove_prefix(next.bytes);
  }
  return out + '"';
}

}  // namespace etl::runtime
