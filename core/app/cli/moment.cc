#include "core/app/cli/moment.hpp"

#include "core/runtime/config/document.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <optional>
#include <variant>

namespace etl::app {

std::string check_moment(const std::string& text) {
  const auto value = runtime::parse_value(text, {});
  if (value && std::holds_alternative<runtime::DateTime>(*value)) return {};
  return "is not a valid time: write it as 2024-01-31T00:00:00Z";
}

Moment parse_moment(const std::string& text) {
  return std::get<runtime::DateTime>(*runtime::parse_value(text, {})).time;
}

std::string moment_text(Moment time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     (time - seconds).count());
}

}  // namespace etl::app
