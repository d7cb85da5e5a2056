/// \file
/// A set of texts.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

namespace wikipedia {

/// Hashes texts of any type alike, so that a set of strings can be searched for a view.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

/// A set of texts, searched in the same time however many there are.
using TextSet = std::unordered_set<std::string, TextHash, std::equal_to<>>;

}  // namespace wikipedia
