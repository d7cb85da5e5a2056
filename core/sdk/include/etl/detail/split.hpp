/// \file
/// Splitting text at a separator.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

namespace etl::inline v1::detail {

/// The parts of `text` between separators. A separator at the end starts no further part, so lines
/// with and without a final line feed give the same parts. The views are into `text`.
[[nodiscard]] inline std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

}  // namespace etl::inline v1::detail
