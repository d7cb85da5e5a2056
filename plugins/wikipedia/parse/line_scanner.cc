#include "plugins/wikipedia/parse/line_scanner.hpp"

#include "plugins/common/text/cpu.hpp"

#include <cstring>
#include <stdexcept>

#if ETL_AVX2
#include <immintrin.h>
#endif

namespace wikipedia {
namespace {

#if ETL_AVX2

constexpr std::size_t at_once = newline_slack + 1;

__attribute__((target("avx2,bmi,popcnt"))) std::size_t newlines_by_vectors(const char* data,
                                                                           std::size_t size,
                                                                           std::uint32_t* ends) {
  constexpr std::size_t width = 32;
  const __m256i newline = _mm256_set1_epi8('\n');
  const auto mask_at = [&](std::size_t at) __attribute__((target("avx2,bmi,popcnt"))) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + at));
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, newline)));
  };
  std::uint32_t* out = ends;
  std::size_t at = 0;
  for (; size - at >= 2 * width; at += 2 * width) {
    std::uint64_t mask = mask_at(at) | std::uint64_t{mask_at(at + width)} << width;
    const auto count = static_cast<std::size_t>(_mm_popcnt_u64(mask));
    // Not std::countr_zero(), for which g++ branches on an empty mask.
    const auto take = [&](std::size_t i) __attribute__((target("avx2,bmi,popcnt"))) {
      out[i] = static_cast<std::uint32_t>(at) + static_cast<std::uint32_t>(_tzcnt_u64(mask));
      mask = _blsr_u64(mask);
    };
    // A loop over the exact number of newlines is mispredicted nearly every time. Few words have
    // more than four; surplus offsets of the others are overwritten by the next word.
    for (std::size_t i = 0; i < at_once; ++i) take(i);
    for (std::size_t i = at_once; i < count; ++i) take(i);
    out += count;
  }
  for (; at < size; ++at) {
    if (data[at] == '\n') *out++ = static_cast<std::uint32_t>(at);
  }
  return static_cast<std::size_t>(out - ends);
}

#endif

}  // namespace

namespace detail {

std::size_t find_newlines_portable(const char* data, std::size_t size, std::uint32_t* ends) {
  const char* const end = data + size;
  std::uint32_t* out = ends;
  for (const char* at = data; at != end; ++at) {
    at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    if (at == nullptr) break;
    *out++ = static_cast<std::uint32_t>(at - data);
  }
  return static_cast<std::size_t>(out - ends);
}

std::size_t find_newlines_avx2([[maybe_unused]] const char* data, [[maybe_unused]] std::size_t size,
                               [[maybe_unused]] std::uint32_t* ends) {
#if ETL_AVX2
  return newlines_by_vectors(data, size, ends);
#else
  throw std::logic_error("built without AVX2");
#endif
}

}  // namespace detail

std::size_t find_newlines(const char* data, std::size_t size, std::uint32_t* ends) {
  return text::has_avx2() ? detail::find_newlines_avx2(data, size, ends)
                          : detail::find_newlines_portable(data, size, ends);
}

}  // namespace wikipedia
