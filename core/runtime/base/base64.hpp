/// \file
/// Base64 (RFC 4648, section 4).
#pragma once

#include <string>
#include <string_view>

namespace etl::runtime {

/// Encodes bytes, with padding.
[[nodiscard]] std::string to_base64(std::string_view bytes);

/// Decodes padded base64. Throws std::invalid_argument if the length or a character is invalid.
[[nodiscard]] std::string from_base64(std::string_view text);

}  // namespace etl::runtime
