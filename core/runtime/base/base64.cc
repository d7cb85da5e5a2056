#include "core/runtime/base/base64.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>

namespace etl::runtime {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text;
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(bytes.size(), 3))) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8U | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      text += i <= bytes.size() ? alphabet[group >> (18 - 6 * i) & 63U] : '=';
  }
  return text;
}

std::string from_base64(std::string_view text) {
  const std::size_t digits = std::min(text.find('='), text.size());
  if (text.size() % 4 != 0 || text.size() - digits > 2 ||
      text.find_first_not_of('=', digits) != std::string_view::npos)
    throw std::invalid_argument("bad length");
  std::string bytes;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const std::size_t value = alphabet.find(text[i]);
    if (value == std::string_view::npos) throw std::invalid_argument("bad character");
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    // Each digit but the first of a group completes a byte.
    if (i % 4 != 0) bytes += static_cast<char>(bits >> (6 - 2 * (i % 4)) & 0xFFU);
  }
  return bytes;
}

}  // namespace etl::runtime
