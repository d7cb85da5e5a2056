/// \file
/// Showing unknown bytes in messages. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace text {

/// Returns printable ASCII as it is, other bytes as \xNN.
[[nodiscard]] std::string printable(std::string_view bytes);

}  // namespace text
