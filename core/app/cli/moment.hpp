/// \file
/// A point in time on the command line: `--now`.
#pragma once

#include <chrono>
#include <string>

namespace etl::app {

/// What is wrong with the text of --now; empty when it is a time.
[[nodiscard]] std::string is_moment(const std::string& text);

using Moment = std::chrono::sys_time<std::chrono::microseconds>;
/// REQUIRES: is_moment(text) is empty.
[[nodiscard]] Moment moment(const std::string& text);
/// As moment() reads it, in microseconds.
[[nodiscard]] std::string moment_text(Moment time);

}  // namespace etl::app
