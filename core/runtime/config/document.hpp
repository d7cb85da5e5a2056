/// \file
/// A TOML document as a tree in file order, with the position of every key and value. Only
/// document.cc uses the TOML library.
#pragma once

#include "core/runtime/config/diagnostics.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace etl::runtime {

/// The size limit of a pipeline file.
inline constexpr std::size_t max_document_size = 4U << 20U;

struct RawItem;
struct RawOption;

/// A value whose mistake has been reported already; later checks ignore it.
struct InvalidValue {};
/// A date-time or date, in UTC unless it has an offset, truncated to microseconds.
struct DateTime {
  std::chrono::sys_time<std::chrono::microseconds> time;
};
using RawList = std::vector<RawItem>;
using RawTable = std::vector<RawOption>;
/// A value that no option accepts: a time of day, or one nested too deeply.
struct UnsupportedValue {
  std::string type;  ///< "a time of day"
};
using RawValue = std::variant<InvalidValue, bool, std::int64_t, double, std::string, DateTime,
                              RawList, RawTable, UnsupportedValue>;

struct RawItem {
  Position position;
  RawValue data;
  bool interpolated = false;  ///< a string with expanded variables: converted to other types
};

/// A key and its value.
struct RawOption {
  std::string name;
  Position key;
  Position value;
  RawValue data;
  bool interpolated = false;  ///< as in RawItem
  bool from_set =
      false;  ///< from --set: not interpolated; paths are relative to the working folder
  std::string text = {};  ///< from --set: the value as typed
};

/// Parses a document; `file` is its name in positions. Reports a syntax error and returns nothing;
/// the library stops at the first.
[[nodiscard]] std::optional<RawTable> parse_document(const std::string& file, std::string_view text,
                                                     Diagnostics& diagnostics);

/// Parses one value, such as `2`, `["fr"]` or `2024-01-01`, and gives it `position`. Returns
/// nothing if the text is not exactly one TOML value.
[[nodiscard]] std::optional<RawValue> parse_value(std::string_view text, const Position& position);

/// The option of that name, or nullptr.
[[nodiscard]] const RawOption* find_option(const RawTable& table, std::string_view name);
[[nodiscard]] RawOption* find_option(RawTable& table, std::string_view name);

/// "a string", "an integer", ... for messages.
[[nodiscard]] std::string type_name(const RawValue& value);

}  // namespace etl::runtime
