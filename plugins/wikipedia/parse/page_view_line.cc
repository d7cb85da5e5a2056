#include "plugins/wikipedia/parse/page_view_line.hpp"

#include <charconv>
#include <system_error>

namespace wikipedia {
namespace {

enum class Number { good, none, out_of_range };

Number read_number(std::string_view text, std::int64_t& value) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
    return Number::none;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? Number::good : Number::out_of_range;
}

}  // namespace

std::string_view split_line(std::string_view line, PageViewLine& out) {
  constexpr auto npos = std::string_view::npos;
  if (line.size() > max_line) return reason::too_long;
  if (line.empty()) return reason::empty_line;
  if (line.find('\0') != npos) return reason::nul;
  if (line.front() == ' ') return reason::empty_code;

  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == last) return reason::few_fields;  // or no space at all
  const std::size_t middle = line.rfind(' ', last - 1);
  if (middle == first) return reason::few_fields;

  out.code = line.substr(0, first);
  out.title = line.substr(first + 1, middle - first - 1);
  if (out.title.empty()) return reason::empty_title;
  switch (read_number(line.substr(middle + 1, last - middle - 1), out.views)) {
    case Number::none:
      return reason::views_no_number;
    case Number::out_of_range:
      return reason::views_range;
    case Number::good:
      break;
  }
  switch (read_number(line.substr(last + 1), out.response_bytes)) {
    case Number::none:
      return reason::bytes_no_number;
    case Number::out_of_range:
      return reason::bytes_range;
    case Number::good:
      break;
  }
  return {};
}

std::optional<std::string> unquote_title(std::string_view field) {
  if (field.size() < 2 || !field.starts_with('"') || !field.ends_with('"')) return std::nullopt;
  const std::string_view inner = field.substr(1, field.size() - 2);
  if (inner.empty()) return std::string();

  std::size_t quotes = 0;
  for (std::size_t at = inner.find('"'); at != std::string_view::npos;
       at = inner.find('"', at + 1)) {
    if (at == 0 || inner[at - 1] != '\\') return std::nullopt;
    ++quotes;
  }
  if (quotes == 0) return std::nullopt;

  std::string title;
  title.reserve(inner.size());
  for (std::size_t at = 0; at < inner.size(); ++at) {
    const bool escape = inner[at] == '\\' && at + 1 < inner.size() &&
                        (inner[at + 1] == '"' || inner[at + 1] == '\\');
    if (escape) ++at;
    title += inner[at];
  }
  return title;
}

}  // namespace wikipedia
