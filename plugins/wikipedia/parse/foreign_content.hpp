/// \file
/// Recognizing content that is not an hour file, although it may hold lines that look like page
/// views. Pure functions.
#pragma once

#include <string_view>

namespace wikipedia {

/// Names what a text that begins with `start` is ("a tar archive"), or returns an empty view if it
/// may be an hour file. A server sends such content instead of a file, or somebody has packed the
/// file twice. REQUIRES: at least 512 bytes, or the whole text.
[[nodiscard]] std::string_view foreign_content(std::string_view start);

}  // namespace wikipedia
