#include "plugins/common/text/utf8.hpp"

#include "plugins/common/text/cpu.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#if ETL_AVX2
#include <immintrin.h>
#endif

namespace text {
namespace {

/// The sequences that a lead byte allows: their length, and the range of the second byte.
struct Lead {
  std::uint8_t size = 0;  // 0 = not a lead byte
  std::uint8_t low = 0;
  std::uint8_t high = 0;
};

/// Unicode 15, table 3-7, by lead byte.
constexpr std::array<Lead, 256> make_leads() {
  std::array<Lead, 256> leads{};
  for (unsigned byte = 0; byte < 0x80; ++byte) leads[byte] = {1, 0, 0};
  for (unsigned byte = 0xC2; byte <= 0xDF; ++byte) leads[byte] = {2, 0x80, 0xBF};
  for (unsigned byte = 0xE0; byte <= 0xEF; ++byte) leads[byte] = {3, 0x80, 0xBF};
  for (unsigned byte = 0xF0; byte <= 0xF4; ++byte) leads[byte] = {4, 0x80, 0xBF};
  leads[0xE0].low = 0xA0;   // below: overlong
  leads[0xED].high = 0x9F;  // above: surrogates
  leads[0xF0].low = 0x90;   // below: overlong
  leads[0xF4].high = 0x8F;  // above: beyond U+10FFFF
  return leads;
}
constexpr std::array<Lead, 256> leads = make_leads();

/// Returns the length of the ASCII at the start, as a multiple of eight.
std::size_t ascii_prefix(std::string_view text) {
  std::size_t size = 0;
  while (text.size() - size >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + size, sizeof(word));
    if ((word & 0x8080808080808080U) != 0) break;
    size += sizeof(word);
  }
  return size;
}

#if ETL_AVX2

// The method is that of J. Keiser and D. Lemire, "Validating UTF-8 In Less Than One Instruction Per
// Byte" (Software: Practice and Experience 51, 2021): two adjacent bytes are invalid if the entries
// of their nibbles in the three tables below have a bit in common.

/// A kind of invalid pair as sets of nibbles (bit n = nibble n); a pair is invalid if all match.
struct WrongPair {
  std::uint16_t first_high, first_low, second_high;
};
constexpr std::uint16_t nibbles(unsigned from, unsigned to) {
  unsigned set = 0;
  for (unsigned n = from; n <= to; ++n) set |= 1U << n;
  return static_cast<std::uint16_t>(set);
}
constexpr std::uint16_t any_nibble = nibbles(0x0, 0xF);
constexpr std::uint16_t continuation = nibbles(0x8, 0xB);
constexpr std::uint16_t not_continuation = static_cast<std::uint16_t>(any_nibble & ~continuation);

/// Two continuation bytes in a row are valid only if the second is the third or fourth byte of a
/// sequence. Their kind has the top bit, so that it can be compared with the bytes that require it.
constexpr std::array<WrongPair, 8> wrong_pairs = {{
    {nibbles(0xC, 0xF), any_nibble, not_continuation},          // truncated
    {nibbles(0x0, 0x7), any_nibble, continuation},              // lead byte missing
    {nibbles(0xC, 0xC), nibbles(0x0, 0x1), continuation},       // overlong
    {nibbles(0xE, 0xE), nibbles(0x0, 0x0), nibbles(0x8, 0x9)},  // overlong
    {nibbles(0xE, 0xE), nibbles(0xD, 0xD), nibbles(0xA, 0xB)},  // surrogate
    {nibbles(0xF, 0xF), nibbles(0x4, 0xF), nibbles(0x9, 0xB)},  // too large
    {nibbles(0xF, 0xF), static_cast<std::uint16_t>(nibbles(0x0, 0x0) | nibbles(0x5, 0xF)),
     nibbles(0x8, 0x8)},  // either
    {continuation, any_nibble, continuation},
}};

using NibbleTable = std::array<std::uint8_t, 32>;  // 16 entries for each half of a vector
constexpr NibbleTable make_table(std::uint16_t WrongPair::*part) {
  NibbleTable table{};
  for (unsigned nibble = 0; nibble < 32; ++nibble) {
    for (unsigned kind = 0; kind < wrong_pairs.size(); ++kind) {
      const unsigned set = wrong_pairs[kind].*part;
      if ((set >> (nibble % 16) & 1U) != 0) {
        table[nibble] = static_cast<std::uint8_t>(table[nibble] | 1U << kind);
      }
    }
  }
  return table;
}
alignas(32) constexpr NibbleTable first_high_table = make_table(&WrongPair::first_high);
alignas(32) constexpr NibbleTable first_low_table = make_table(&WrongPair::first_low);
alignas(32) constexpr NibbleTable second_high_table = make_table(&WrongPair::second_high);

#define ETL_TARGET_AVX2 __attribute__((target("avx2")))

ETL_TARGET_AVX2 inline __m256i load(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

/// Returns the 32 bytes that start `Back` bytes before `now`; `before` is the preceding vector.
template <int Back>
ETL_TARGET_AVX2 inline __m256i shifted(__m256i before, __m256i now) {
  return _mm256_alignr_epi8(now, _mm256_permute2x128_si256(before, now, 0x21), 16 - Back);
}

/// Returns non-zero bytes where `now` contains or completes an ill-formed sequence.
ETL_TARGET_AVX2 inline __m256i wrong_bytes(__m256i before, __m256i now) {
  const __m256i low_nibble = _mm256_set1_epi8(0x0F);
  const __m256i first = shifted<1>(before, now);
  const __m256i first_high = _mm256_and_si256(_mm256_srli_epi16(first, 4), low_nibble);
  const __m256i first_low = _mm256_and_si256(first, low_nibble);
  const __m256i second_high = _mm256_and_si256(_mm256_srli_epi16(now, 4), low_nibble);
  const __m256i wrong = _mm256_and_si256(
      _mm256_and_si256(_mm256_shuffle_epi8(load(first_high_table.data()), first_high),
                       _mm256_shuffle_epi8(load(first_low_table.data()), first_low)),
      _mm256_shuffle_epi8(load(second_high_table.data()), second_high));
  // The third byte comes two after E0.., the fourth three after F0..: the top bit is due there.
  const __m256i third = _mm256_subs_epu8(shifted<2>(before, now), _mm256_set1_epi8(0xE0 - 0x80));
  const __m256i fourth = _mm256_subs_epu8(shifted<3>(before, now), _mm256_set1_epi8(0xF0 - 0x80));
  const __m256i due = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8(-0x80));
  return _mm256_xor_si256(due, wrong);
}

ETL_TARGET_AVX2 bool valid_by_vectors(std::string_view text) {
  constexpr std::size_t width = 32;
  __m256i before = _mm256_setzero_si256();
  __m256i errors = _mm256_setzero_si256();
  std::size_t at = 0;
  for (; text.size() - at >= width; at += width) {
    const __m256i now = load(text.data() + at);
    // Two ASCII vectors need no check.
    if (_mm256_movemask_epi8(_mm256_or_si256(before, now)) != 0) {
      errors = _mm256_or_si256(errors, wrong_bytes(before, now));
    }
    before = now;
  }
  // The rest is followed by at least one zero byte, which exposes a truncated sequence.
  alignas(width) std::array<char, width> rest{};
  std::memcpy(rest.data(), text.data() + at, text.size() - at);
  errors = _mm256_or_si256(errors, wrong_bytes(before, load(rest.data())));
  return _mm256_testz_si256(errors, errors) != 0;
}

#endif

}  // namespace

Sequence next_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const Lead lead = leads[byte(0)];
  if (lead.size <= 1) return {1, lead.size == 1};
  if (text.size() < 2 || byte(1) < lead.low || byte(1) > lead.high) return {1, false};
  for (std::size_t i = 2; i < lead.size; ++i) {
    if (i >= text.size() || byte(i) < 0x80 || byte(i) > 0xBF) return {i, false};
  }
  return {lead.size, true};
}

namespace detail {

bool valid_utf8_portable(std::string_view text) {
  while (!text.empty()) {
    text.remove_prefix(ascii_prefix(text));
    if (text.empty()) break;
    const Sequence sequence = next_sequence(text);
    if (!sequence.valid) return false;
    text.remove_prefix(sequence.size);
  }
  return true;
}

bool valid_utf8_avx2([[maybe_unused]] std::string_view text) {
#if ETL_AVX2
  return text.empty() || valid_by_vectors(text);
#else
  throw std::logic_error("built without AVX2");
#endif
}

}  // namespace detail

bool valid_utf8(std::string_view text) {
  return has_avx2() ? detail::valid_utf8_avx2(text) : detail::valid_utf8_portable(text);
}

std::string replace_invalid_utf8(std::string_view text) {
  constexpr std::string_view replacement = "\xEF\xBF\xBD";
  std::string out;
  out.reserve(text.size() + replacement.size());
  while (!text.empty()) {
    const Sequence sequence = next_sequence(text);
    out += sequence.valid ? text.substr(0, sequence.size) : replacement;
    text.remove_prefix(sequence.size);
  }
  return out;
}

}  // namespace text
