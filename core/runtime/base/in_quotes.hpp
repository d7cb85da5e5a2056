/// \file
/// Quoting text from outside in messages.
#pragma once

#include <string>
#include <string_view>

namespace etl::runtime {

/// Quotes `text` for a message: escapes control characters and invalid UTF-8, and truncates long
/// text.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace etl::runtime
