/// \file
/// Where the lines of a block end. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace wikipedia {

/// How many offsets behind the last find_newlines() may overwrite.
inline constexpr std::size_t newline_slack = 3;

/// Writes the offset of every 0x0A in the `size` bytes at `data` to `ends`, in order; their number.
/// Uses AVX2 where the processor has it. REQUIRES: room for `size + newline_slack` offsets; size <
/// 2^32.
std::size_t find_newlines(const char* data, std::size_t size, std::uint32_t* ends);

namespace detail {

/// The two ways find_newlines() works, for tests to compare.
std::size_t find_newlines_portable(const char* data, std::size_t size, std::uint32_t* ends);
/// REQUIRES: the processor has AVX2.
std::size_t find_newlines_avx2(const char* data, std::size_t size, std::uint32_t* ends);

}  // namespace detail
}  // namespace wikipedia
