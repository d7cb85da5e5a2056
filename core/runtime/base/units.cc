#include "core/runtime/base/units.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace etl::runtime {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::int64_t second = 1000;
// Largest first: in_largest_unit() relies on it.
constexpr std::array<Unit, 5> durations{{{"d", std::int64_t{24} * 3600 * second},
                                         {"h", 3600 * second},
                                         {"m", 60 * second},
                                         {"s", second},
                                         {"ms", 1}}};
constexpr std::array<Unit, 5> binary_sizes{{{"TiB", std::int64_t{1} << 40},
                                            {"GiB", std::int64_t{1} << 30},
                                            {"MiB", std::int64_t{1} << 20},
                                            {"KiB", std::int64_t{1} << 10},
                                            {"B", 1}}};
constexpr std::array<Unit, 4> decimal_sizes{
    {{"TB", 1'000'000'000'000}, {"GB", 1'000'000'000}, {"MB", 1'000'000}, {"KB", 1'000}}};

/// A decimal number and the text after it.
struct Amount {
  std::int64_t number;
  std::string_view unit;
};

std::optional<Amount> split(std::string_view text) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc{}) return std::nullopt;
  return Amount{number, {rest, static_cast<std::size_t>(end - rest)}};
}

std::optional<std::int64_t> in_unit(const Amount& amount, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (unit.name != amount.unit) continue;
    if (amount.number > std::numeric_limits<std::int64_t>::max() / unit.factor) return std::nullopt;
    return amount.number * unit.factor;
  }
  return std::nullopt;
}

/// REQUIRES: `units` is sorted from large to small and ends with factor 1.
std::string in_largest_unit(std::int64_t number, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (number != 0 && number % unit.factor == 0)
      return fmt::format("{}{}", number / unit.factor, unit.name);
  }
  return fmt::format("{}{}", number, units.back().name);
}

}  // namespace

std::optional<std::int64_t> whole_number(std::string_view text) {
  const auto amount = split(text);
  return amount && amount->unit.empty() ? std::optional(amount->number) : std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const std::optional<Amount> amount = split(text);
  if (!amount) return std::nullopt;
  if (amount->unit.empty() && amount->number == 0) return std::chrono::milliseconds(0);
  const std::optional<std::int64_t> number = in_unit(*amount, durations);
  return number ? std::optional(std::chrono::milliseconds(*number)) : std::nullopt;
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  std::optional<Amount> amount = split(text);
  if (!amount) return std::nullopt;
  if (amount->unit.empty()) return amount->number;
  if (amount->unit.starts_with(' ')) amount->unit.remove_prefix(1);
  const std::optional<std::int64_t> binary = in_unit(*amount, binary_sizes);
  return binary ? binary : in_unit(*amount, decimal_sizes);
}

std::optional<std::chrono::milliseconds> parse_relative_time(std::string_view text) {
  if (text == "now") return std::chrono::milliseconds(0);
  return text.starts_with('-') ? parse_duration(text.substr(1)) : std::nullopt;
}

std::string duration_text(std::chrono::milliseconds duration) {
  return in_largest_unit(duration.count(), durations);
}

std::string size_text(std::int64_t bytes) { return in_largest_unit(bytes, binary_sizes); }

}  // namespace etl::runtime
