#include "plugins/postgres/utf8.hpp"

#include "plugins/common/text/utf8.hpp"

namespace postgres {

bool is_storable(std::string_view raw) {
  return raw.find('\0') == std::string_view::npos && text::valid_utf8(raw);
}

std::string storable(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  while (!raw.empty()) {
    const auto [size, valid] = text::next_sequence(raw);
    const bool keep = valid && raw.front() != '\0';
    out += keep ? raw.substr(0, size) : "\xEF\xBF\xBD";
    raw.remove_prefix(keep ? size : 1);
  }
  return out;
}

}  // namespace postgres
