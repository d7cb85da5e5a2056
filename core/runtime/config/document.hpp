/// \file
/// A TOML text as a tree in the order of the file, with the place of every key and value. The one
/// place that knows the TOML library.
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

/// The largest pipeline file that is read.
inline constexpr std::size_t largest_document = 4U << 20U;

struct RawItem;
struct RawOption;

/// What is wrong with it has been reported: pass over it in silence.
struct Faulty {};
/// A date-time or a date; without an offset it is UTC. Finer than a microsecond is cut off.
struct DateTime {
  std::chrono::sys_time<std::chrono::microseconds> time;
};
using RawList = std::vector<RawItem>;
using RawTable = std::vector<RawOption>;
/// What no option takes: a time of day, or what is nested deeper than a pipeline file goes.
struct Other {
  std::string type;  ///< "a time of day"
};
using RawValue = std::variant<Faulty, bool, std::int64_t, double, std::string, DateTime, RawList,
                              RawTable, Other>;

struct RawItem {
  Position position;
  RawValue data;
  bool interpolated =
      false;  ///< a string that a variable was put into: converted to the wanted type
};

/// A key and its value.
struct RawOption {
  std::string name;
  Position key;
  Position value;
  RawValue data;
  bool interpolated = false;  ///< as in RawItem
  bool from_set = false;  ///< from --set: no interpolation, and paths belong to the working folder
  std::string text = {};  ///< from --set: the value as typed
};

/// Parses a whole file, whose name the positions get. Reports a syntax error and gives nothing
/// then; the library stops at the first.
[[nodiscard]] std::optional<RawTable> parse_document(const std::string& file, std::string_view text,
                                                     Diagnostics& diagnostics);

/// Parses one value, such as `2`, `["fr"]` or `2024-01-01`. All positions in it are `position`.
/// Nothing where it is not exactly one TOML value.
[[nodiscard]] std::optional<RawValue> parse_value(std::string_view text, const Position& position);

/// "a string", "an integer", ... for messages.
[[nodiscard]] std::string type_name(const RawValue& value);

}  // namespace etl::runtime
