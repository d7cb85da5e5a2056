#include "plugins/common/http/part_meta.hpp"

#include "plugins/common/files/file_handle.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <system_error>
#include <utility>

namespace http {
namespace {

constexpr std::string_view first_line = "etl part 1";
constexpr std::string_view last_line = "end";
// A sidecar has a few hundred bytes; a longer one is not ours.
constexpr std::size_t max_size = 16'384;

/// Removes the next line from `text`; nothing if it does not begin with `key` or has no end.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view key) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(key)) return std::nullopt;
  const std::string_view value = text.substr(key.size(), end - key.size());
  text.remove_prefix(end + 1);
  return value;
}

bool read_number(std::string_view text, std::int64_t& number) {
  return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{};
}

}  // namespace

std::string to_text(const PartMeta& meta) {
  return std::string(first_line) + "\nurl " + meta.url + "\nvalidator " + meta.validator +
         "\nlength " + std::to_string(meta.length) + "\nmodified " + std::to_string(meta.modified) +
         "\n" + std::string(last_line) + "\n";
}

std::optional<PartMeta> parse_part_meta(std::string_view text) {
  PartMeta meta;
  std::string_view rest = text;
  const auto head = take_line(rest, first_line);
  const auto url = take_line(rest, "url ");
  const auto validator = take_line(rest, "validator ");
  const auto length = take_line(rest, "length ");
  const auto modified = take_line(rest, "modified ");
  if (!head || !url || !validator || !length || !modified || url->empty()) return std::nullopt;
  if (!read_number(*length, meta.length) || !read_number(*modified, meta.modified)) {
    return std::nullopt;
  }
  meta.url = *url;
  meta.validator = *validator;
  // Catches every other deviation, such as a leading zero.
  return to_text(meta) == text ? std::optional(std::move(meta)) : std::nullopt;
}

std::optional<PartMeta> read_part_meta(const std::filesystem::path& path) {
  const files::FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::string text(max_size, '\0');
  const ssize_t got = file.valid() ? ::read(file.get(), text.data(), text.size()) : 0;
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return parse_part_meta(text);
}

}  // namespace http
