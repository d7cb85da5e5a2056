#include "plugins/postgres/utf8.hpp"

#include <cstddef>

namespace postgres {
namespace {

bool in_range(std::string_view text, std::size_t at, unsigned low, unsigned high) {
  return at < text.size() && static_cast<unsigned char>(text[at]) >= low &&
         static_cast<unsigned char>(text[at]) <= high;
}

// The size of the well-formed sequence at `at`, 0 if there is none. Table 3-7 of the Unicode Standard:
// only the second byte's range depends on the first.
std::size_t sequence_size(std::string_view text, std::size_t at) {
  const unsigned first = static_cast<unsigned char>(text[at]);
  if (first == 0) return 0;
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (!in_range(text, at + 1, low, high)) return 0;
  for (std::size_t i = 2; i < size; ++i) {
    if (!in_range(text, at + i, 0x80, 0xBF)) return 0;
  }
  return size;
}

}  // namespace

bool is_storable(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t size = sequence_size(text, at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

std::string storable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t size = sequence_size(text, at);
    if (size == 0) out += "\xEF\xBF\xBD";
    else out += text.substr(at, size);
    at += size == 0 ? 1 : size;
  }
  return out;
}

}  // namespace postgres
