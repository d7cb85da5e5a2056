/// \file
/// A point in time on the command line: `--now`.
#pragma once

#include <chrono>
#include <string>

namespace etl::app {

using Moment = std::chrono::sys_time<std::chrono::microseconds>;

/// Returns why a value of --now is refused, or "".
[[nodiscard]] std::string check_moment(const std::string& text);
/// REQUIRES: check_moment(text) is empty.
[[nodiscard]] Moment parse_moment(const std::string& text);
/// Formats a time to the microsecond, as parse_moment() reads it.
[[nodiscard]] std::string moment_text(Moment time);

}  // namespace etl::app
