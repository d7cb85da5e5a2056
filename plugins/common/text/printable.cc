#include "plugins/common/text/printable.hpp"

#include <array>
#include <cstdio>

namespace text {

std::string printable(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    if (byte >= 0x20 && byte < 0x7F) {
      text += byte;
      continue;
    }
    std::array<char, 8> escape{};
    std::snprintf(escape.data(), escape.size(), "\\x%02X", static_cast<unsigned char>(byte));
    text += escape.data();
  }
  return text;
}

}  // namespace text
