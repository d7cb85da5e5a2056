#include "plugins/common/http/part_meta.hpp"

#include <charconv>
#include <utility>

namespace http {
namespace {

constexpr std::string_view first_line = "etl part 1";
constexpr std::string_view last_line = "end";

/// Removes the next line from `text`; nothing if it does not begin with `key` or has no end.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view key) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(key)) return std::nullopt;
  const std::string_view value = text.substr(key.size(), end - key.size());
  text.remove_prefix(end + 1);
  return value;
}

}  // namespace

std::string to_text(const PartMeta& meta) {
  return std::string(first_line) + "\nurl " + meta.url + "\nvalidator " + meta.validator +
         "\nlength " + std::to_string(meta.length) + "\n" + std::string(last_line) + "\n";
}

std::optional<PartMeta> parse_part_meta(std::string_view text) {
  PartMeta meta;
  std::string_view rest = text;
  const auto head = take_line(rest, first_line);
  const auto url = take_line(rest, "url ");
  const auto validator = take_line(rest, "validator ");
  const auto length = take_line(rest, "length ");
  if (!head || !url || !validator || !length || url->empty() || validator->empty()) {
    return std::nullopt;
  }
  const char* const stop = length->data() + length->size();
  if (std::from_chars(length->data(), stop, meta.length).ec != std::errc{} || meta.length < 0) {
    return std::nullopt;
  }
  meta.url = *url;
  meta.validator = *validator;
  // Catches every other deviation, such as a leading zero.
  return to_text(meta) == text ? std::optional(std::move(meta)) : std::nullopt;
}

}  // namespace http
