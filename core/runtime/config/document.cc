#include "core/runtime/config/document.hpp"

#include "core/runtime/base/text.hpp"
#include "core/runtime/base/utf8.hpp"

#include <etl/detail/split.hpp>

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <tuple>

namespace etl::runtime {
namespace {

// The library limits nested values but not dotted keys, and destroys its trees recursively: a key
// of a hundred thousand parts would overflow the stack.
constexpr std::size_t max_key_parts = 16;
// Section, stage, option, list item, and one level more to detect excessive nesting.
constexpr int max_depth = 6;

struct SyntaxError {
  std::size_t offset;  // in bytes
  std::string message, hint;
};

/// Finds what the library (3.3) cannot handle: long dotted keys, and characters outside strings
/// that TOML does not allow there, some of which trip an assertion in the library.
class Precheck {
 public:
  explicit Precheck(std::string_view text) : text_(text) {}

  std::optional<SyntaxError> error() {
    for (std::size_t dots = 0; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '.') {
        if (++dots == max_key_parts) return too_long();
      } else if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        dots = 0;
      } else if (c == '"' || c == '\'') {
        skip_string(c);
      } else if (std::string_view("\n=,[]{}").find(c) != std::string_view::npos) {
        dots = 0;
      } else if (!is_bare(c)) {
        return stray_character();
      }
    }
    return std::nullopt;
  }

 private:
  /// Moves at_ to the last character of the string. The parser reports unclosed strings.
  void skip_string(char quote) {
    const std::string three(3, quote);
    const bool multiline = text_.substr(at_, 3) == three;
    for (at_ += multiline ? 3 : 1; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\' && quote == '"') {
        ++at_;
      } else if (multiline ? text_.substr(at_, 3) == three : text_[at_] == quote) {
        if (multiline) at_ = std::min(text_.find_first_not_of(quote, at_), text_.size()) - 1;
        return;
      } else if (!multiline && text_[at_] == '\n') {
        return;
      }
    }
  }

  /// Whether TOML allows the character in a bare key, number, date, boolean or white space.
  static bool is_bare(char c) {
    return is_letter_or_digit(c) || std::string_view("_-+: \t\r").find(c) != std::string_view::npos;
  }

  [[nodiscard]] SyntaxError too_long() const {
    return {
        at_, fmt::format("syntax error: a dotted key is limited to {} parts", max_key_parts), {}};
  }

  [[nodiscard]] SyntaxError stray_character() const {
    const std::size_t bytes = first_character(text_.substr(at_)).bytes;
    return {
        at_, fmt::format("syntax error: {} outside a string", in_quotes(text_.substr(at_, bytes))),
        "strings need quotes, and so do keys with characters other than a-z, A-Z, 0-9, \"_\" and "
        "\"-\""};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Converts the library's nodes to RawValue.
class Converter {
 public:
  Converter(std::string file, std::string_view text) : file_(std::move(file)) {
    for (std::string_view line : detail::split(text, '\n')) {
      if (line.ends_with('\r')) line.remove_suffix(1);
      widths_.push_back(count_characters(line));
    }
  }

  [[nodiscard]] Position position(const toml::source_region& region) const {
    Position position{file_, region.begin.line, region.begin.column, 1};
    if (region.end.line == region.begin.line) {
      position.length =
          std::max<std::size_t>(region.end.column, position.column + 1) - position.column;
    } else if (region.end.line > region.begin.line && region.end.line <= widths_.size()) {
      position.length = region.end.column;
      for (std::size_t line = region.begin.line; line < region.end.line; ++line) {
        position.length += widths_[line - 1] + 1;
      }
      position.length -= std::min<std::size_t>(position.column, position.length - 1);
    }
    return position;
  }

  [[nodiscard]] bool at_line_end(const Position& position) const {
    return position.line > 0 && position.line <= widths_.size() &&
           position.column > widths_[position.line - 1];
  }

  [[nodiscard]] RawTable table(const toml::table& from, int depth) const {
    RawTable out;
    for (auto&& [key, node] : from) {
      RawOption& option = out.emplace_back();
      option.name = key.str();
      option.key = position(key.source());
      option.value = position(node.source());
      option.data = value(node, depth + 1);
    }
    std::ranges::stable_sort(
        out, {}, [](const RawOption& one) { return std::tie(one.key.line, one.key.column); });
    return out;
  }

  [[nodiscard]] RawValue value(const toml::node& node, int depth) const {
    switch (node.type()) {
      case toml::node_type::table:
        if (depth > max_depth) return UnsupportedValue{"a table"};
        return table(*node.as_table(), depth);
      case toml::node_type::array:
        return list(*node.as_array(), depth);
      case toml::node_type::string:
        return node.as_string()->get();
      case toml::node_type::integer:
        return node.as_integer()->get();
      case toml::node_type::floating_point:
        return node.as_floating_point()->get();
      case toml::node_type::boolean:
        return node.as_boolean()->get();
      case toml::node_type::date:
        return DateTime{midnight(node.as_date()->get())};
      case toml::node_type::date_time:
        return DateTime{moment(node.as_date_time()->get())};
      case toml::node_type::time:
        return UnsupportedValue{"a time of day"};
      case toml::node_type::none:
        break;
    }
    return UnsupportedValue{"nothing"};
  }

 private:
  [[nodiscard]] RawValue list(const toml::array& from, int depth) const {
    if (depth > max_depth) return UnsupportedValue{"an array"};
    RawList out;
    out.reserve(from.size());
    for (const toml::node& node : from) {
      out.push_back({position(node.source()), value(node, depth + 1), false});
    }
    return out;
  }

  static std::chrono::sys_time<std::chrono::microseconds> midnight(const toml::date& date) {
    return std::chrono::sys_days(std::chrono::year(date.year) / date.month / date.day);
  }

  static std::chrono::sys_time<std::chrono::microseconds> moment(const toml::date_time& at) {
    using namespace std::chrono;
    auto time = midnight(at.date) + hours(at.time.hour) + minutes(at.time.minute) +
                seconds(at.time.second) + microseconds(at.time.nanosecond / 1000);
    if (at.offset) time -= minutes(at.offset->minutes);
    return time;
  }

  std::string file_;
  std::vector<std::size_t> widths_;  // of the lines, in characters
};

/// Rewords an error message of the library; returns it with a hint.
std::pair<std::string, std::string> explain(std::string_view description, bool at_line_end) {
  constexpr std::string_view prefix = "Error while parsing ";
  const std::string message =
      description.starts_with(prefix)
          ? "syntax error in " + std::string(description.substr(prefix.size()))
          : "syntax error: " + std::string(description);
  const auto says = [&](std::string_view part) {
    return description.find(part) != std::string_view::npos;
  };
  if (says("could not determine value type"))
    return {message, "strings need quotes: key = \"text\""};
  if (says("parsing string: unescaped control characters") && at_line_end) {
    return {"syntax error in string: missing closing quote",
            "close it, or use \"\"\" for a multi-line string"};
  }
  if (says("cannot redefine")) return {message, "a key or [table] may appear only once"};
  if (says("TOML_MAX_NESTED_VALUES"))
    return {"syntax error: arrays and tables are nested too deep", {}};
  return {message, {}};
}

Position position_of(const std::string& file, std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 = 0
  return {file, static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1,
          count_characters(before.substr(line_start)) + 1, 1};
}

template <class Table>
auto* find_in(Table& table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &RawOption::name);
  return found == table.end() ? nullptr : &*found;
}

}  // namespace

std::optional<RawTable> parse_document(const std::string& file, std::string_view text,
                                       Diagnostics& diagnostics) {
  if (text.size() > max_document_size) {
    diagnostics.error({file}, fmt::format("the pipeline file is larger than the limit of {} MiB",
                                          max_document_size >> 20U));
    return std::nullopt;
  }
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (const auto offset = first_invalid_byte(text)) {
    diagnostics.error(position_of(file, text, *offset), "syntax error: invalid UTF-8");
    return std::nullopt;
  }
  if (const auto error = Precheck(text).error()) {
    diagnostics.error(position_of(file, text, error->offset), error->message, error->hint);
    return std::nullopt;
  }
  const Converter converter(file, text);
  try {
    return converter.table(toml::parse(text), 0);
  } catch (const toml::parse_error& failure) {
    const Position position = converter.position(failure.source());
    const auto [message, hint] = explain(failure.description(), converter.at_line_end(position));
    diagnostics.error(position, message, hint);
    return std::nullopt;
  }
}

std::optional<RawValue> parse_value(std::string_view text, const Position& position) {
  // Allow one line only, so that the text cannot add another key.
  constexpr std::string_view key = "v=";
  if (text.find_first_of("\r\n") != std::string_view::npos || text.size() > max_document_size)
    return {};
  const std::string line = std::string(key).append(text);
  if (first_invalid_byte(line) || Precheck(line).error()) return std::nullopt;
  try {
    const toml::table table = toml::parse(line);
    const toml::node* node = table.get("v");
    // Only blanks or a comment could follow the value; refuse a comment.
    const std::size_t end = line.find_last_not_of(" \t") + 1;
    if (node->source().end.column != count_characters(std::string_view(line).substr(0, end)) + 1)
      return {};
    RawValue value = Converter({}, {}).value(*node, 0);
    if (auto* list = std::get_if<RawList>(&value)) {
      for (RawItem& item : *list) item.position = position;
    }
    return value;
  } catch (const toml::parse_error&) {
    return std::nullopt;
  }
}

const RawOption* find_option(const RawTable& table, std::string_view name) {
  return find_in(table, name);
}

RawOption* find_option(RawTable& table, std::string_view name) { return find_in(table, name); }

std::string type_name(const RawValue& value) {
  struct Name {
    std::string operator()(const InvalidValue&) const { return "an invalid value"; }
    std::string operator()(bool) const { return "a boolean"; }
    std::string operator()(std::int64_t) const { return "an integer"; }
    std::string operator()(double) const { return "a float"; }
    std::string operator()(const std::string&) const { return "a string"; }
    std::string operator()(const DateTime&) const { return "a date-time"; }
    std::string operator()(const RawList&) const { return "an array"; }
    std::string operator()(const RawTable&) const { return "a table"; }
    std::string operator()(const UnsupportedValue& other) const { return other.type; }
  };
  return std::visit(Name{}, value);
}

}  // namespace etl::runtime
