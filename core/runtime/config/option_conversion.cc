#include "core/runtime/config/option_conversion.hpp"

#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/text.hpp"
#include "core/runtime/base/units.hpp"
#include "core/runtime/base/utf8.hpp"

#include <etl/detail/split.hpp>
#include <etl/error.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace etl::runtime {
namespace {

using Time = std::chrono::sys_time<std::chrono::microseconds>;

constexpr std::string_view time_forms =
    "write a date-time (2024-01-31T00:00:00Z), a date (2024-01-31) or a time before now "
    "(\"-15d\", \"-6h\", \"-30m\")";
constexpr std::string_view duration_forms =
    "write a number with ms, s, m, h or d: \"250ms\", \"30s\", \"5m\", \"2h\", \"1d\"";
constexpr std::string_view size_forms =
    "write a number of bytes, or a number with KiB, MiB, GiB, TiB, KB, MB, GB or TB: \"512MiB\"";

/// On one line, as each option of a definition.
std::string escaped(const std::string& text) {
  const std::string escapes = replaced(replaced(text, "\\", "\\\\"), "\"", "\\\"");
  return '"' + replaced(escapes, "\n", "\\n") + '"';
}

/// Converts one value: fills `out_`, or `mismatches_` if it does not match.
class OptionConverter {
 public:
  OptionConverter(const RawOption& raw, const etl_option_spec& spec, const OptionContext& context)
      : raw_(raw), spec_(spec), context_(context) {}

  Conversion run() {
    dispatch();
    if (mismatches_.empty()) return std::move(out_);
    return std::move(mismatches_);
  }

 private:
  void dispatch() {
    switch (spec_.type) {
      case ETL_OPTION_BOOL:
        return boolean();
      case ETL_OPTION_INT:
        return integer();
      case ETL_OPTION_FLOAT:
        return floating();
      case ETL_OPTION_STRING:
        return string();
      case ETL_OPTION_LIST:
        return list();
      case ETL_OPTION_MAP:
        return map();
      case ETL_OPTION_TIME:
        return time();
      case ETL_OPTION_DURATION:
        return duration();
      case ETL_OPTION_SIZE:
        return size();
      case ETL_OPTION_PATH:
        return path();
      case ETL_OPTION_URL:
        return url();
      default:
        mismatch(fmt::format("has a type unknown to this version of etl ({})", spec_.type));
    }
  }

  void mismatch(std::string what, std::string hint = {}) {
    mismatch(raw_.value, std::move(what), std::move(hint));
  }
  void mismatch(const Position& position, std::string what, std::string hint) {
    mismatches_.push_back({position, std::move(what), std::move(hint)});
  }

  [[nodiscard]] bool secret() const { return (spec_.flags & ETL_OPTION_SECRET) != 0; }

  /// `the string "two"`; the type alone for a secret.
  [[nodiscard]] std::string shown(const RawValue& value) const {
    if (!secret()) {
      if (const auto* text = std::get_if<std::string>(&value))
        return "the string " + in_quotes(*text);
      if (const auto* number = std::get_if<std::int64_t>(&value))
        return fmt::format("the integer {}", *number);
      if (const auto* number = std::get_if<double>(&value))
        return fmt::format("the float {:#}", *number);
      if (const auto* flag = std::get_if<bool>(&value)) return fmt::format("the boolean {}", *flag);
    }
    return type_name(value);
  }

  void wrong_type(std::string_view wanted, std::string_view hint = {}) {
    const auto* text =
        raw_.interpolated && !secret() ? std::get_if<std::string>(&raw_.data) : nullptr;
    mismatch(text != nullptr
                 ? fmt::format("must be {}, but expands to {}", wanted, in_quotes(*text))
                 : fmt::format("must be {}, not {}", wanted, shown(raw_.data)),
             std::string(hint));
  }

  /// The value as a number or boolean, or nothing if it has another type. A string with expanded
  /// variables is parsed as TOML.
  template <class T>
  [[nodiscard]] std::optional<T> scalar() const {
    if (const T* value = std::get_if<T>(&raw_.data)) return *value;
    const auto* text = std::get_if<std::string>(&raw_.data);
    if (text == nullptr || !raw_.interpolated) return std::nullopt;
    const std::optional<RawValue> parsed = parse_value(*text, raw_.value);
    const T* value = parsed ? std::get_if<T>(&*parsed) : nullptr;
    return value == nullptr ? std::nullopt : std::optional<T>(*value);
  }

  /// The value as text. For --set, the text as typed, even if TOML gives it another type.
  [[nodiscard]] std::optional<std::string> text() const { return text(raw_); }
  [[nodiscard]] static std::optional<std::string> text(const RawOption& raw) {
    if (const auto* value = std::get_if<std::string>(&raw.data)) return *value;
    const bool compound =
        std::holds_alternative<RawList>(raw.data) || std::holds_alternative<RawTable>(raw.data);
    return raw.from_set && !compound ? std::optional(raw.text) : std::nullopt;
  }

  bool within_bounds(std::int64_t number, const std::function<std::string(std::int64_t)>& print) {
    if ((spec_.flags & ETL_OPTION_BOUNDED) == 0) return true;
    if (number >= spec_.minimum && number <= spec_.maximum) return true;
    std::string what;
    if (spec_.maximum == std::numeric_limits<std::int64_t>::max()) {
      what = fmt::format("must be at least {}", print(spec_.minimum));
    } else if (spec_.minimum == std::numeric_limits<std::int64_t>::min()) {
      what = fmt::format("must be at most {}", print(spec_.maximum));
    } else {
      what = fmt::format("must be between {} and {}", print(spec_.minimum), print(spec_.maximum));
    }
    mismatch(secret() ? what : what + fmt::format(", but is {}", print(number)));
    return false;
  }

  bool is_allowed(const Position& position, const std::string& value, std::string_view which) {
    const std::vector<std::string> allowed = allowed_values(spec_);
    if (allowed.empty() || std::ranges::find(allowed, value) != allowed.end()) return true;
    const std::string what = secret() ? fmt::format("{}is not one of the allowed values", which)
                                      : fmt::format("{}cannot be {}", which, in_quotes(value));
    std::string hint = "allowed: " + listed(allowed);
    // A suggestion would reveal something about a secret.
    const auto near = secret() ? std::nullopt : nearest(value, allowed);
    if (near) hint = fmt::format("did you mean {}? {}", in_quotes(*near), hint);
    mismatch(position, what, hint);
    return false;
  }

  bool free_of_nul(const Position& position, std::string_view text, std::string_view which) {
    if (text.find('\0') == std::string_view::npos) return true;
    mismatch(position, fmt::format("{}must not contain a NUL character", which), {});
    return false;
  }

  void boolean() {
    const std::optional<bool> value = scalar<bool>();
    if (!value) return wrong_type("a boolean", "write true or false, without quotes");
    out_ = {std::int64_t{*value}, *value ? "true" : "false"};
  }

  void integer() {
    const std::optional<std::int64_t> value = scalar<std::int64_t>();
    if (!value) return wrong_type("an integer");
    std::string text = fmt::to_string(*value);
    if (!within_bounds(*value, [](std::int64_t n) { return fmt::to_string(n); })) return;
    if (is_allowed(raw_.value, text, {})) out_ = {*value, std::move(text)};
  }

  void floating() {
    std::optional<double> value = scalar<double>();
    if (const auto whole = scalar<std::int64_t>()) value = static_cast<double>(*whole);
    if (!value) return wrong_type("a number");
    if (!std::isfinite(*value)) return mismatch("must be a finite number");
    if (*value == 0) value = 0.0;  // -0.0 has the same meaning but another canonical text
    out_ = {*value, fmt::to_string(*value)};
  }

  void string() {
    std::optional<std::string> value = text();
    if (!value) return wrong_type("a string");
    if (!free_of_nul(raw_.value, *value, {}) || !is_allowed(raw_.value, *value, {})) return;
    std::string canonical = escaped(*value);
    out_ = {std::move(*value), std::move(canonical)};
  }

  void list() {
    const auto* items = std::get_if<RawList>(&raw_.data);
    if (items == nullptr) {
      const auto value = text();
      if (value && (spec_.flags & ETL_OPTION_OR_ONE) != 0) return list_of_one(*value);
      const bool simple = value && !secret() && printable_item(*value);
      return wrong_type("an array of strings",
                        simple ? fmt::format("write [\"{}\"]", *value) : "write [\"...\"]");
    }
    std::vector<std::string> values;
    std::string canonical = "[";
    for (std::size_t i = 0; i < items->size(); ++i) {
      const RawItem& item = (*items)[i];
      if (std::holds_alternative<InvalidValue>(item.data)) continue;
      const std::string which = fmt::format("(item {}) ", i + 1);
      const auto* value = std::get_if<std::string>(&item.data);
      if (value == nullptr) {
        mismatch(item.position, fmt::format("{}must be a string, not {}", which, shown(item.data)),
                 {});
      } else if (free_of_nul(item.position, *value, which) &&
                 is_allowed(item.position, *value, which)) {
        canonical += (values.empty() ? "" : ",") + escaped(*value);
        values.push_back(*value);
      }
    }
    out_ = {std::move(values), canonical + ']'};
  }

  void list_of_one(const std::string& value) {
    if (!free_of_nul(raw_.value, value, {}) || !is_allowed(raw_.value, value, {})) return;
    out_ = {std::vector<std::string>{value}, "[" + escaped(value) + "]"};
  }

  void map() {
    const auto* entries = std::get_if<RawTable>(&raw_.data);
    if (entries == nullptr) return wrong_type("a table of strings", "write { NAME = \"...\" }");
    StringMap values;
    std::string canonical = "{";
    for (const RawOption& entry : *entries) {
      if (std::holds_alternative<InvalidValue>(entry.data)) continue;
      const std::string which = fmt::format("(key {}) ", in_quotes(entry.name));
      const auto value = text(entry);
      if (!value) {
        mismatch(entry.value, fmt::format("{}must be a string, not {}", which, shown(entry.data)),
                 {});
      } else if (free_of_nul(entry.key, entry.name, which) &&
                 free_of_nul(entry.value, *value, which) &&
                 is_allowed(entry.value, *value, which)) {
        canonical += (values.empty() ? "" : ",") + escaped(entry.name) + "=" + escaped(*value);
        values.emplace_back(entry.name, *value);
      }
    }
    out_ = {std::move(values), canonical + '}'};
  }

  static bool printable_item(std::string_view text) {
    return text.size() <= 40 && text.find_first_of("\"\\[]") == std::string_view::npos &&
           std::ranges::all_of(text, [](char c) { return c >= ' ' && c != 0x7F; });
  }

  void time() {
    if (const auto* at = std::get_if<DateTime>(&raw_.data)) return absolute_time(at->time);
    const auto* value = std::get_if<std::string>(&raw_.data);
    if (value == nullptr) return wrong_type("a point in time", time_forms);
    if (const auto before = parse_relative_time(*value)) return relative_time(*before);
    const std::optional<RawValue> parsed = parse_value(*value, raw_.value);
    const DateTime* at = parsed ? std::get_if<DateTime>(&*parsed) : nullptr;
    if (at == nullptr) return wrong_type("a point in time", time_forms);
    absolute_time(at->time);
  }

  void absolute_time(Time time) {
    const std::int64_t micros = time.time_since_epoch().count();
    out_ = {micros, fmt::format("{}us", micros)};
  }

  void relative_time(std::chrono::milliseconds before) {
    constexpr std::chrono::milliseconds limit = std::chrono::days(366 * 1000);
    if (before > limit) return mismatch("is more than 1000 years ago");
    out_ = {(context_.now - before).time_since_epoch().count(),
            fmt::format("now-{}ms", before.count())};
  }

  void duration() {
    std::optional<std::chrono::milliseconds> value;
    if (const auto* text = std::get_if<std::string>(&raw_.data)) value = parse_duration(*text);
    // 0 is the same in every unit; any other number is ambiguous.
    const auto* number = std::get_if<std::int64_t>(&raw_.data);
    if (number != nullptr && *number == 0) value = std::chrono::milliseconds(0);
    if (!value) {
      const bool unitless = number != nullptr && *number > 0 && !secret();
      return wrong_type("a duration",
                        unitless
                            ? fmt::format("write \"{0}s\" for {0} seconds, or \"{0}ms\"", *number)
                            : std::string(duration_forms));
    }
    const auto print = [](std::int64_t n) { return duration_text(std::chrono::milliseconds(n)); };
    if (within_bounds(value->count(), print))
      out_ = {value->count(), fmt::format("{}ms", value->count())};
  }

  void size() {
    std::optional<std::int64_t> value;
    if (const auto* number = std::get_if<std::int64_t>(&raw_.data)) value = *number;
    if (const auto* text = std::get_if<std::string>(&raw_.data)) value = parse_size(*text);
    if (!value || *value < 0) return wrong_type("a size in bytes", size_forms);
    if (within_bounds(*value, size_text)) out_ = {*value, fmt::to_string(*value)};
  }

  void path() {
    const std::optional<std::string> value = text();
    if (!value) return wrong_type("a path");
    if (!free_of_nul(raw_.value, *value, {})) return;
    if (value->empty()) {
      if (required()) return empty();
      out_ = {std::string(), escaped("")};
      return;
    }
    if (*value == "~" || value->starts_with("~/")) {
      return mismatch("begins with \"~\", which only a shell expands",
                      "write ${HOME}, or ./~ for a file with that name");
    }
    // A path on the command line is relative to the working folder.
    std::error_code ignored;
    const std::filesystem::path base =
        raw_.from_set ? std::filesystem::current_path(ignored) : context_.folder;
    const std::filesystem::path absolute = (base / *value).lexically_normal();
    const std::filesystem::path inside =
        absolute.lexically_relative(context_.folder.lexically_normal());
    const bool outside = inside.empty() || *inside.begin() == "..";
    out_ = {absolute.string(), escaped((outside ? absolute : inside).string())};
  }

  void url() {
    std::optional<std::string> value = text();
    if (!value) return wrong_type("a URL");
    if (!free_of_nul(raw_.value, *value, {}) || !is_allowed(raw_.value, *value, {})) return;
    if (value->empty() && required()) return empty();
    if (!value->empty() && !has_scheme(*value)) {
      return mismatch(may_be_shown(*value) ? fmt::format("is not a URL: {}", in_quotes(*value))
                                           : "is not a URL",
                      "a URL starts with a scheme: https://...");
    }
    std::string canonical = escaped(*value);
    out_ = {std::move(*value), std::move(canonical)};
  }

  [[nodiscard]] bool required() const { return (spec_.flags & ETL_OPTION_REQUIRED) != 0; }

  /// A variable that is not set, with an empty default, leaves an empty text.
  void empty() { mismatch("is empty", "it is required: name one"); }

  /// Before an '@' may be a password.
  [[nodiscard]] bool may_be_shown(std::string_view value) const {
    return !secret() && value.find('@') == std::string_view::npos;
  }

  static bool has_scheme(std::string_view url) {
    const std::size_t end = url.find("://");
    if (end == 0 || end == std::string_view::npos) return false;
    return std::ranges::all_of(url.substr(0, end), [](char c) {
      return is_letter_or_digit(c) || c == '+' || c == '-' || c == '.';
    });
  }

  const RawOption& raw_;
  const etl_option_spec& spec_;
  const OptionContext& context_;
  ConvertedOption out_;
  std::vector<OptionMismatch> mismatches_;
};

}  // namespace

Conversion convert_option(const RawOption& raw, const etl_option_spec& spec,
                          const OptionContext& context) {
  return OptionConverter(raw, spec, context).run();
}

std::vector<std::string> allowed_values(const etl_option_spec& spec) {
  const auto values = detail::split(detail::to_view(spec.allowed), '|');
  return {values.begin(), values.end()};
}

}  // namespace etl::runtime
