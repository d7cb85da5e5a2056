/// \file
/// UTF-8 as PostgreSQL takes it. Pure functions, for any thread.
#pragma once

#include <string>
#include <string_view>

namespace postgres {

/// Whether `text` is well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong) without a NUL
/// byte.
[[nodiscard]] bool is_storable(std::string_view text);

/// `text` with U+FFFD in place of each byte that PostgreSQL would refuse: for texts that people
/// read, such as an error that quotes a malformed record.
[[nodiscard]] std::string storable(std::string_view text);

}  // namespace postgres
