/// \file
/// Is it UTF-8, and if not, what would a reader make of it. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace wikipedia {

/// Whether `text` is well-formed (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing
/// above U+10FFFF, nothing cut short. Uses AVX2 where the processor has it.
[[nodiscard]] bool valid_utf8(std::string_view text);

/// `text` with U+FFFD for every maximal subpart of an ill-formed sequence (Unicode 15,
/// section 3.9): exactly what Python's `bytes.decode("utf-8", errors="replace")` gives.
[[nodiscard]] std::string replace_invalid_utf8(std::string_view text);

namespace detail {

/// The two ways valid_utf8() works, for tests to compare.
[[nodiscard]] bool valid_utf8_portable(std::string_view text);
/// REQUIRES: the processor has AVX2.
[[nodiscard]] bool valid_utf8_avx2(std::string_view text);

}  // namespace detail
}  // namespace wikipedia
