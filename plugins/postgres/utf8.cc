#include "plugins/postgres/utf8.hpp"

#include "plugins/common/text/utf8.hpp"

namespace postgres {

bool is_storable(std::string_view text) {
  return text.find('\0') == std::string_view::npos && text::valid_utf8(text);
}

std::string storable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const text::Sequence next = text::next_sequence(text);
    const bool good = next.valid && text.front() != '\0';
    const std::size_t size = good ? next.size : 1;
    if (good) out += text.substr(0, size);
    else out += "\xEF\xBF\xBD";
    text.remove_prefix(size);
  }
  return out;
}

}  // namespace postgres
