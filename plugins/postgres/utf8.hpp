/// \file
/// UTF-8 as PostgreSQL accepts it. Safe to use from any thread.
#pragma once

#include <string>
#include <string_view>

namespace postgres {

/// Whether `raw` is well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong) without a NUL
/// byte.
[[nodiscard]] bool is_storable(std::string_view raw);

/// Replaces each byte that PostgreSQL refuses by U+FFFD: for texts that people read, such as an error
/// that quotes a malformed record.
[[nodiscard]] std::string storable(std::string_view raw);

}  // namespace postgres
