/// \file
/// Validation and repair of UTF-8. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace text {

/// Returns whether `text` is well-formed (Unicode 15, table 3-7): no overlong forms, no surrogates,
/// nothing above U+10FFFF, nothing truncated. Uses AVX2 if the processor has it.
[[nodiscard]] bool valid_utf8(std::string_view text);

/// Replaces every maximal subpart of an ill-formed sequence with U+FFFD (Unicode 15, section 3.9),
/// exactly as Python's `bytes.decode("utf-8", errors="replace")` does.
[[nodiscard]] std::string replace_invalid_utf8(std::string_view text);

/// The sequence at the start of a text. The size of an ill-formed one is that of its maximal
/// subpart, at least 1.
struct Sequence {
  std::size_t size;
  bool valid;
};
/// REQUIRES: `text` is not empty.
[[nodiscard]] Sequence next_sequence(std::string_view text);

namespace detail {

/// The two implementations of valid_utf8(), for tests to compare.
[[nodiscard]] bool valid_utf8_portable(std::string_view text);
/// REQUIRES: the processor has AVX2.
[[nodiscard]] bool valid_utf8_avx2(std::string_view text);

}  // namespace detail
}  // namespace text
