/// \file
/// A mock host for unit tests of stages: records what a stage reports, makes options without a
/// pipeline file, and shows batches as text. Works with any test framework.
///
/// ```
/// etl::testing::Host host;
/// auto filter = etl::testing::make<AtLeast>(host, {{"column", "count"}, {"minimum", 2}});
/// EXPECT_EQ(etl::testing::rows(filter.apply(std::move(batch))), Strings({"pear|5"}));
/// ```
///
/// A Host is used by one thread at a time and must outlive the stages made with it. Errors are
/// thrown as etl::Error.
#pragma once

#include <etl/batch.hpp>
#include <etl/builder.hpp>
#include <etl/context.hpp>
#include <etl/options.hpp>

#include <atomic>
#include <charconv>
#include <deque>
#include <initializer_list>
#include <variant>

namespace etl::inline v1::testing {

/// A malformed record that a stage rejected.
struct Reject {
  std::string reason, raw;
  std::int64_t line = 0;
};

/// A mock host. Records what a stage logs, counts and rejects.
class Host {
 public:
  Host() = default;
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  [[nodiscard]] Context context() const { return Context(&host_); }
  [[nodiscard]] Task task() const { return Task(&task_); }

  std::vector<std::string> log;
  std::vector<Reject> rejects;
  std::int64_t read = 0, dropped = 0, downloaded = 0, decoded = 0;
  std::int64_t held_memory = 0;
  bool cancelled = false;               ///< whether the stage is asked to stop
  std::atomic<std::int64_t> wakes = 0;  ///< calls of Context::wake(), from any thread

 private:
  static Host& self(void* ctx) { return *static_cast<Host*>(ctx); }
  static std::int64_t& counter(Host& host, std::uint32_t which) {
    switch (which) {
      case ETL_ROWS_READ:
        return host.read;
      case ETL_ROWS_DROPPED:
        return host.dropped;
      case ETL_BYTES_DOWNLOADED:
        return host.downloaded;
      default:
        return host.decoded;
    }
  }

  etl_host host_ = {sizeof(etl_host),
                    ETL_ABI_MINOR,
                    this,
                    [](void* ctx, std::uint32_t, etl_str text) {
                      self(ctx).log.emplace_back(detail::to_view(text));
                    },
                    [](void* ctx) { return self(ctx).cancelled ? 1 : 0; },
                    [](void*, const char*) -> const void* { return nullptr; },
                    [](void* ctx, std::int64_t change) { self(ctx).held_memory += change; },
                    [](void* ctx) { ++self(ctx).wakes; }};
  etl_task task_ = {
      sizeof(etl_task),
      this,
      [](void* ctx, std::uint32_t which, std::int64_t n) { counter(self(ctx), which) += n; },
      [](void* ctx, const etl_reject* reject) {
        self(ctx).rejects.push_back({std::string(detail::to_view(reject->reason)),
                                     std::string(detail::to_view(reject->raw)), reject->line});
      },
      [](void* ctx) { return self(ctx).cancelled ? 1 : 0; },
      [](void*, const etl_error*) {}};
};

/// An option's value: strings also for paths and URLs; integers also for times (microseconds since
/// 1970-01-01 UTC), durations (milliseconds) and sizes (bytes).
using Value = std::variant<bool, std::int64_t, double, std::string, Strings, StringMap>;
using Values = std::initializer_list<std::pair<std::string_view, Value>>;

namespace detail {

using namespace etl::v1::detail;

[[noreturn]] inline void wrong_option(std::string_view name, const std::string& why) {
  throw Error::config("option \"" + std::string(name) + "\" " + why);
}

/// Parses the default of an option, which is TOML text. Does not know escapes: an option with such
/// a default must be given in the test.
class Fallback {
 public:
  explicit Fallback(const etl_option_spec& spec)
      : name_(to_view(spec.name)), text_(to_view(spec.fallback)), type_(spec.type) {}

  [[nodiscard]] Value value() const {
    switch (type_) {
      case ETL_OPTION_BOOL:
        return text_ == "true";
      case ETL_OPTION_INT:
        return number<std::int64_t>(text_);
      case ETL_OPTION_FLOAT:
        return number<double>(text_);
      case ETL_OPTION_LIST:
        return list();
      case ETL_OPTION_MAP:
        if (text_ != "{}") unreadable();
        return StringMap{};
      case ETL_OPTION_DURATION:
        return with_unit(
            {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}});
      case ETL_OPTION_SIZE:
        return with_unit({{"KiB", 1LL << 10}, {"MiB", 1LL << 20}, {"GiB", 1LL << 30}});
      case ETL_OPTION_TIME:
        wrong_option(name_, "is a time whose default depends on the clock: give it in the test");
      default:
        return unquoted(text_);
    }
  }

 private:
  [[noreturn]] void unreadable() const {
    wrong_option(name_,
                 "has a default that the mock host cannot read: give the option in the test");
  }
  template <class T>
  [[nodiscard]] T number(std::string_view text) const {
    T value{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc{} || end != text.data() + text.size()) unreadable();
    return value;
  }
  [[nodiscard]] std::string unquoted(std::string_view text) const {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"' ||
        text.find('\\') != std::string_view::npos) {
      unreadable();
    }
    return std::string(text.substr(1, text.size() - 2));
  }
  [[nodiscard]] Strings list() const {
    Strings items;
    if (text_.size() < 2 || text_.front() != '[' || text_.back() != ']') unreadable();
    std::string_view rest = text_.substr(1, text_.size() - 2);
    while (!rest.empty()) {
      const std::size_t end = rest.find('"', rest.find('"') + 1);
      if (end == std::string_view::npos) unreadable();
      items.push_back(unquoted(rest.substr(0, end + 1)));
      rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(", ", end + 1)));
    }
    return items;
  }
  [[nodiscard]] std::int64_t with_unit(
      std::initializer_list<std::pair<std::string_view, std::int64_t>> units) const {
    if (text_.empty() || text_.front() != '"') return number<std::int64_t>(text_);
    const std::string text = unquoted(text_);
    const std::size_t at = std::min(text.size(), text.find_first_not_of("0123456789"));
    for (const auto& [unit, factor] : units) {
      if (text.substr(at) == unit)
        return number<std::int64_t>(std::string_view(text).substr(0, at)) * factor;
    }
    unreadable();
  }

  std::string_view name_, text_;
  std::uint32_t type_;
};

/// Fills in the value of an option, which borrows from `value`, and from `list` if it has several
/// texts. REQUIRES: `list` is empty.
inline void set_value(etl_option& option, const Value& value, std::vector<etl_str>& list) {
  if (const auto* flag = std::get_if<bool>(&value)) option.value.i = *flag ? 1 : 0;
  else if (const auto* whole = std::get_if<std::int64_t>(&value)) option.value.i = *whole;
  else if (const auto* real = std::get_if<double>(&value)) option.value.f = *real;
  else if (const auto* text = std::get_if<std::string>(&value)) option.value.s = to_abi(*text);
  else {
    if (const auto* items = std::get_if<Strings>(&value))
      for (const std::string& item : *items) list.push_back(to_abi(item));
    else
      for (const auto& [key, item] : std::get<StringMap>(value))
        list.insert(list.end(), {to_abi(key), to_abi(item)});
    option.value.list = {list.data(), list.size()};
  }
}

/// The options of one stage, and the memory they borrow.
class OptionSet {
 public:
  OptionSet(std::span<const etl_option_spec> table,
            std::span<const std::pair<std::string_view, Value>> given) {
    for (const auto& option : given) {
      const auto is_it = [&](const etl_option_spec& spec) {
        return to_view(spec.name) == option.first;
      };
      if (std::ranges::none_of(table, is_it)) {
        wrong_option(option.first, "is not in the stage's table");
      }
    }
    for (const etl_option_spec& spec : table) {
      const auto found =
          std::ranges::find(given, to_view(spec.name), &std::pair<std::string_view, Value>::first);
      if (found != given.end()) add(spec, found->second, 1);
      else if (spec.fallback.size != 0) add(spec, Fallback(spec).value(), 0);
      else if ((spec.flags & ETL_OPTION_REQUIRED) != 0)
        wrong_option(to_view(spec.name), "is required");
    }
  }
  OptionSet(const OptionSet&) = delete;
  OptionSet& operator=(const OptionSet&) = delete;
  [[nodiscard]] Options options() const { return Options(options_); }
  [[nodiscard]] std::span<const etl_option> values() const { return options_; }

 private:
  static bool takes(std::uint32_t type, const Value& value) {
    switch (type) {
      case ETL_OPTION_BOOL:
        return std::holds_alternative<bool>(value);
      case ETL_OPTION_FLOAT:
        return std::holds_alternative<double>(value);
      case ETL_OPTION_LIST:
        return std::holds_alternative<Strings>(value);
      case ETL_OPTION_MAP:
        return std::holds_alternative<StringMap>(value);
      case ETL_OPTION_STRING:
      case ETL_OPTION_PATH:
      case ETL_OPTION_URL:
        return std::holds_alternative<std::string>(value);
      default:
        return std::holds_alternative<std::int64_t>(value);
    }
  }
  void add(const etl_option_spec& spec, const Value& value, std::uint32_t given) {
    if (!takes(spec.type, value)) {
      wrong_option(to_view(spec.name), "has another type than the value in the test");
    }
    etl_option option{};
    option.name = spec.name;
    option.type = spec.type;
    option.given = given;
    set_value(option, values_.emplace_back(value), lists_.emplace_back());
    options_.push_back(option);
  }
  std::deque<Value> values_;  // a deque, because its elements do not move
  std::deque<std::vector<etl_str>> lists_;
  std::vector<etl_option> options_;
};

}  // namespace detail

/// Makes a stage from the options in `values` and the table's defaults for the rest. Throws Error
/// (config) for an unknown, missing or mistyped option; does not check bounds and allowed values.
template <class Stage>
[[nodiscard]] Stage make(const Host& host, Values values = {}) {
  const detail::OptionSet set({Stage::options.data(), Stage::options.size()},
                              {values.begin(), values.size()});
  if constexpr (std::constructible_from<Stage, const Options&, const Context&, const Task&>) {
    return Stage(set.options(), host.context(), host.task());
  } else {
    return Stage(set.options(), host.context());
  }
}

/// A value as text: `NULL`, `true`, `5`, `2.5`, or the text itself.
[[nodiscard]] inline std::string cell(const Batch& batch, std::size_t column, std::size_t row) {
  const auto shown = [&]<class T>(const Column<T>& values, auto text) -> std::string {
    return values.null(row) ? "NULL" : text(values[row]);
  };
  const auto digits = [](auto value) { return std::to_string(value); };
  switch (batch.schema()[column].type) {
    case Type::boolean:
      return shown(batch.column<bool>(column), [](bool value) { return value ? "true" : "false"; });
    case Type::int32:
      return shown(batch.column<std::int32_t>(column), digits);
    case Type::float64:
      return shown(batch.column<double>(column), [](double value) {
        char text[32];
        const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
        return std::string(text, end);
      });
    case Type::int64:
    case Type::timestamp_s:
    case Type::timestamp_us:
      return shown(batch.column<std::int64_t>(column), digits);
    default:
      return shown(batch.column<std::string_view>(column),
                   [](std::string_view value) { return std::string(value); });
  }
}

/// The rows of a batch, each as its values separated by `|`.
[[nodiscard]] inline Strings rows(const Batch& batch) {
  Strings lines;
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    std::string& line = lines.emplace_back();
    for (std::size_t column = 0; column < batch.schema().size(); ++column) {
      line += (column == 0 ? "" : "|") + cell(batch, column, row);
    }
  }
  return lines;
}

/// The rows of all batches of a reader, read to its end.
template <class Reader>
[[nodiscard]] Strings all_rows(Reader&& reader) {
  Strings lines;
  while (const std::optional<Batch> batch = reader.next()) {
    for (std::string& line : rows(*batch)) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace etl::inline v1::testing
