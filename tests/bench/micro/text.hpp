/// \file
/// A small hour in memory, the input of the benchmarks of single layers.
#pragma once

#include <zlib.h>

#include <array>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

namespace micro {

inline constexpr std::size_t lines = 200'000;

/// Sorted lines of an hour file, 30 bytes each; one in 27 has the code `fr`.
inline const std::string& text() {
  static const std::string made = [] {
    static constexpr std::array<std::string_view, 12> syllables = {
        "ba", "co", "di", "fra", "gue", "lon", "mar", "\xC3\xA9t", "ri", "sur", "tou", "ville"};
    std::mt19937 random(1);
    const auto below = [&](std::size_t limit) { return random() % limit; };
    std::string out;
    for (std::size_t line = 0; line < lines; ++line) {
      const std::size_t code = line * 27 / lines;
      if (code == 5) out += "fr ";
      else out.append({static_cast<char>('a' + code % 26), 'a', '.', 'm', ' '});
      out += static_cast<char>('A' + line * 27 * 26 / lines % 26);
      for (std::size_t i = 0, size = 3 + below(8); i < size; ++i)
        out += syllables[below(syllables.size())];
      out += ' ' + std::to_string(1 + below(below(9) == 0 ? 300 : 3)) + " 0\n";
    }
    return out;
  }();
  return made;
}

/// The same as a gzip file of one member.
inline const std::string& gzip() {
  static const std::string made = [] {
    z_stream stream{};
    if (deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
    std::string out(deflateBound(&stream, text().size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text().data()));
    stream.avail_in = static_cast<uInt>(text().size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("deflate");
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
  }();
  return made;
}

}  // namespace micro
