/// \file
/// Finding line ends in a block. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace wikipedia {

/// How many offsets find_newlines() may overwrite behind the last.
inline constexpr std::size_t newline_slack = 3;

/// Writes the offset of every 0x0A in the `size` bytes at `data` to `ends`, in order, and returns
/// their number. Uses AVX2 if the processor has it. REQUIRES: room for `size + newline_slack`
/// offsets; size < 2^32.
std::size_t find_newlines(const char* data, std::size_t size, std::uint32_t* ends);

namespace detail {

/// The two implementations of find_newlines(), for tests to compare.
std::size_t find_newlines_portable(const char* data, std::size_t size, std::uint32_t* ends);
/// REQUIRES: the processor has AVX2.
std::size_t find_newlines_avx2(const char* data, std::size_t size, std::uint32_t* ends);

}  // namespace detail
}  // namespace wikipedia
