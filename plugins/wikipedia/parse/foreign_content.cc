#include "plugins/wikipedia/parse/foreign_content.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace wikipedia {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view bytes;
  std::string_view name;
};
constexpr std::array signatures{
    Signature{"\x1F\x8B\x08"sv, "gzip again: it was compressed twice"},
    Signature{"BZh"sv, "bzip2"},
    Signature{"\xFD"
              "7zXZ\0"sv,
              "xz"},
    Signature{"\x28\xB5\x2F\xFD"sv, "zstd"},
    Signature{"PK\x03\x04"sv, "a zip archive"},
    Signature{"\xFF\xFE"sv, "text in UTF-16 or UTF-32, not UTF-8"},
    Signature{"\xFE\xFF"sv, "text in UTF-16, not UTF-8"},
    // No domain code begins so.
    Signature{"<"sv, "a web page or XML"},
    Signature{"{"sv, "JSON"},
    Signature{"["sv, "JSON"},
};

/// Recognizes every variety of tar by the checksum in the header of the first file.
bool is_tar(std::string_view start) {
  constexpr std::size_t header = 512;
  constexpr std::size_t sum_at = 148;
  constexpr std::size_t sum_size = 8;
  if (start.size() < header) return false;
  unsigned sum = 0;
  for (std::size_t at = 0; at < header; ++at) {
    const bool in_sum = at >= sum_at && at < sum_at + sum_size;
    sum += static_cast<unsigned char>(in_sum ? ' ' : start[at]);
  }
  std::string_view digits = start.substr(sum_at, sum_size);
  digits.remove_prefix(std::min(digits.find_first_not_of(' '), digits.size()));
  unsigned expected = 0;
  constexpr int octal = 8;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), expected, octal);
  return error == std::errc{} && expected == sum;
}

}  // namespace

std::string_view foreign_content(std::string_view start) {
  if (is_tar(start)) return "a tar archive";
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (start.starts_with(byte_order_mark)) start.remove_prefix(byte_order_mark.size());
  // A page may begin with blank lines.
  start.remove_prefix(std::min(start.find_first_not_of(" \t\r\n"), start.size()));
  for (const Signature& signature : signatures) {
    if (start.starts_with(signature.bytes)) return signature.name;
  }
  return {};
}

}  // namespace wikipedia
