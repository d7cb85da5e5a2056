#include "core/runtime/base/text_format.hpp"

#include "core/runtime/base/utf8.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace etl::runtime {
namespace {

bool numeric(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789,.-") == std::string::npos;
}

}  // namespace

std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  const std::size_t first = text.front() == '-' ? 1 : 0;
  for (std::size_t at = text.size(); at > first + 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string counted(std::int64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(number), noun, number == 1 ? "" : "s");
}

std::string human_bytes(double bytes) {
  constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  // A value that would round to 1024.0 of a unit is 1.0 of the next.
  while (bytes >= (unit == 0 ? 1024 : 1023.95) && unit + 1 < units.size()) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

std::string human_seconds(double seconds) {
  if (seconds < 59.95) return fmt::format("{:.1f}s", seconds);
  const auto whole = static_cast<std::int64_t>(std::lround(seconds));
  if (whole < 3600) return fmt::format("{}m {:02}s", whole / 60, whole % 60);
  return fmt::format("{}h {:02}m", whole / 3600, whole / 60 % 60);
}

std::string utc_text(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  if (::gmtime_r(&time, &parts) == nullptr) return std::to_string(seconds);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", parts);
}

std::string zoned_text(std::int64_t microseconds) {
  return utc_text(microseconds / 1'000'000) + "Z";
}

void ColumnWidths::measure(const std::vector<std::string>& row) {
  widths_.resize(std::max(widths_.size(), row.size()));
  for (std::size_t i = 0; i < row.size(); ++i)
    widths_[i] = std::max(widths_[i], display_width(printable(row[i], " ")));
}

std::string ColumnWidths::line(const std::vector<std::string>& row) const {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string cell = printable(row[i], " ");
    const std::string padding(widths_[i] - display_width(cell), ' ');
    line += i == 0 ? "" : "  ";
    line += numeric(cell) ? padding + cell : cell + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  ColumnWidths widths;
  for (const auto& row : rows) widths.measure(row);
  std::string text;
  for (const auto& row : rows) text += widths.line(row);
  return text;
}

}  // namespace etl::runtime
