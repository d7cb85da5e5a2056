/// \file
/// Text of the user's in a message.
#pragma once

#include <string>
#include <string_view>

namespace etl::runtime {

/// `text` in double quotes for a message: control characters and bytes that are not UTF-8 escaped,
/// and shortened where it is long.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace etl::runtime
