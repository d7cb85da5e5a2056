/// \file
/// Options of a stage: the table that declares them, and their values in a pipeline.
#pragma once

#include <etl/error.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace etl::inline v1 {

/// A list of strings.
using Strings = std::vector<std::string>;
/// Keys with a string each, in the order of the file. In the file a table: { views = "sum" }.
using StringMap = std::vector<std::pair<std::string, std::string>>;
/// A point in time, UTC. In the file a date-time, a date, or a string such as "-6h".
using Time = std::chrono::sys_time<std::chrono::microseconds>;
/// In the file "250ms", "30s", "5m", "2h", "1d".
using Duration = std::chrono::milliseconds;
/// A number of bytes. In the file an integer, or "64KiB", "16MiB", "1GiB".
struct Bytes {
  std::int64_t count = 0;
};
/// An absolute path; the host resolves it against the pipeline file's folder.
struct Path {
  std::string text;
};
/// A URL.
struct Url {
  std::string text;
};

/// One row of a stage's option table. Build it with required<T>() or optional<T>().
struct OptionSpec {
  etl_option_spec abi{};

  /// Marks an option that does not change the data, only how the work is done.
  [[nodiscard]] constexpr OptionSpec operational() const { return flagged(ETL_OPTION_OPERATIONAL); }
  /// Redacts the value in all output.
  [[nodiscard]] constexpr OptionSpec secret() const { return flagged(ETL_OPTION_SECRET); }
  /// Sets inclusive bounds; durations in milliseconds, sizes in bytes.
  [[nodiscard]] constexpr OptionSpec between(std::int64_t low, std::int64_t high) const {
    OptionSpec spec = flagged(ETL_OPTION_BOUNDED);
    spec.abi.minimum = low;
    spec.abi.maximum = high;
    return spec;
  }
  /// Sets the allowed values, separated by '|'.
  [[nodiscard]] constexpr OptionSpec one_of(std::string_view values) const {
    OptionSpec spec = *this;
    spec.abi.allowed = {values.data(), values.size()};
    return spec;
  }
  /// For Path: marks a small file whose content changes the data. The ledger's `definition` depends
  /// on the content then, not on the path, and the host refuses a file that cannot be read.
  [[nodiscard]] constexpr OptionSpec by_content() const { return flagged(ETL_OPTION_BY_CONTENT); }
  /// For Strings: accepts a single string as a list of one.
  [[nodiscard]] constexpr OptionSpec or_one() const { return flagged(ETL_OPTION_OR_ONE); }

 private:
  [[nodiscard]] constexpr OptionSpec flagged(std::uint32_t flag) const {
    OptionSpec spec = *this;
    spec.abi.flags |= flag;
    return spec;
  }
};

namespace detail {

template <class T>
consteval std::uint32_t option_type() {
  if constexpr (std::same_as<T, bool>) return ETL_OPTION_BOOL;
  else if constexpr (std::same_as<T, std::int64_t>) return ETL_OPTION_INT;
  else if constexpr (std::same_as<T, double>) return ETL_OPTION_FLOAT;
  else if constexpr (std::same_as<T, std::string>) return ETL_OPTION_STRING;
  else if constexpr (std::same_as<T, Strings>) return ETL_OPTION_LIST;
  else if constexpr (std::same_as<T, StringMap>) return ETL_OPTION_MAP;
  else if constexpr (std::same_as<T, Time>) return ETL_OPTION_TIME;
  else if constexpr (std::same_as<T, Duration>) return ETL_OPTION_DURATION;
  else if constexpr (std::same_as<T, Bytes>) return ETL_OPTION_SIZE;
  else if constexpr (std::same_as<T, Path>) return ETL_OPTION_PATH;
  else if constexpr (std::same_as<T, Url>) return ETL_OPTION_URL;
  else return 0;
}

template <class T>
constexpr OptionSpec option(std::string_view name, std::string_view fallback,
                            std::string_view help) {
  static_assert(option_type<T>() != 0,
                "an option's type must be bool, int64_t, double, std::string, etl::Strings, "
                "etl::StringMap, etl::Time, etl::Duration, etl::Bytes, etl::Path or etl::Url");
  OptionSpec spec;
  spec.abi.name = {name.data(), name.size()};
  spec.abi.fallback = {fallback.data(), fallback.size()};
  spec.abi.help = {help.data(), help.size()};
  spec.abi.type = option_type<T>();
  return spec;
}

}  // namespace detail

/// An option that the pipeline must set.
template <class T>
constexpr OptionSpec required(std::string_view name, std::string_view help) {
  OptionSpec spec = detail::option<T>(name, {}, help);
  spec.abi.flags = ETL_OPTION_REQUIRED;
  return spec;
}

/// An option with a default, written as in a pipeline file: `"2"`, `"\"append\""`, `"[\"a\"]"`.
/// An empty default means that the option may be absent: read it with Options::find().
template <class T>
constexpr OptionSpec optional(std::string_view name, std::string_view fallback,
                              std::string_view help) {
  return detail::option<T>(name, fallback, help);
}

/// The option table of a stage: `static constexpr auto options = etl::options(...)`.
template <std::same_as<OptionSpec>... Spec>
constexpr std::array<etl_option_spec, sizeof...(Spec)> options(const Spec&... spec) {
  return {spec.abi...};
}

/// A column that a source can emit or a filter needs, for `etl describe` and the docs.
constexpr etl_column_spec column(std::string_view name, std::string_view type,
                                 std::string_view help) {
  return {{name.data(), name.size()}, {type.data(), type.size()}, {help.data(), help.size()}};
}
template <std::same_as<etl_column_spec>... Spec>
constexpr std::array<etl_column_spec, sizeof...(Spec)> columns(const Spec&... spec) {
  return {spec...};
}

/// The values of a stage's options. The host has checked them against the table: values have their
/// declared types, and all required options and defaults are present.
///
/// Borrowed: valid only during the stage's constructor.
class Options {
 public:
  explicit Options(std::span<const etl_option> values) : values_(values) {}

  /// The value. Throws Error (internal) if the option is absent or has another type: both are bugs
  /// in the stage, not mistakes in the pipeline.
  template <class T>
  [[nodiscard]] T get(std::string_view name) const {
    if (auto value = find<T>(name)) return *std::move(value);
    throw Error(Code::internal, "option \"" + std::string(name) + "\" has no value and no default");
  }

  /// The value, or nullopt if the pipeline does not set it and it has no default.
  template <class T>
  [[nodiscard]] std::optional<T> find(std::string_view name) const {
    const etl_option* value = lookup(name);
    if (value == nullptr) return std::nullopt;
    if (value->type != detail::option_type<T>()) {
      throw Error(Code::internal,
                  "option \"" + std::string(name) + "\" was declared with another type");
    }
    return convert<T>(*value);
  }

  /// Whether the pipeline sets the option, as opposed to its default.
  [[nodiscard]] bool given(std::string_view name) const {
    const etl_option* value = lookup(name);
    return value != nullptr && value->given != 0;
  }

 private:
  [[nodiscard]] const etl_option* lookup(std::string_view name) const {
    for (const etl_option& value : values_) {
      if (detail::to_view(value.name) == name) return &value;
    }
    return nullptr;
  }

  template <class T>
  static T convert(const etl_option& option) {
    if constexpr (std::same_as<T, bool>) return option.value.i != 0;
    else if constexpr (std::same_as<T, std::int64_t>) return option.value.i;
    else if constexpr (std::same_as<T, double>) return option.value.f;
    else if constexpr (std::same_as<T, std::string>) return T(detail::to_view(option.value.s));
    else if constexpr (std::same_as<T, Strings>) {
      Strings list;
      for (const etl_str& item : std::span(option.value.list.data, option.value.list.size)) {
        list.emplace_back(detail::to_view(item));
      }
      return list;
    } else if constexpr (std::same_as<T, StringMap>) {
      StringMap map;
      for (std::size_t i = 0; i + 1 < option.value.list.size; i += 2) {
        map.emplace_back(detail::to_view(option.value.list.data[i]),
                         detail::to_view(option.value.list.data[i + 1]));
      }
      return map;
    } else if constexpr (std::same_as<T, Time>)
      return Time(std::chrono::microseconds(option.value.i));
    else if constexpr (std::same_as<T, Duration>) return Duration(option.value.i);
    else if constexpr (std::same_as<T, Bytes>) return Bytes{option.value.i};
    else return T{std::string(detail::to_view(option.value.s))};
  }

  std::span<const etl_option> values_;
};

}  // namespace etl::inline v1
