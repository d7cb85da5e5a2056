/// \file
/// Writes results to stdout.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace etl::app {

/// Whether to use colour on this stream (1 or 2): it is a terminal and $NO_COLOR is not set
/// (https://no-color.org).
[[nodiscard]] bool colour_on(int descriptor);

/// Throws Error (permanent) when the text cannot be written.
void print(const std::string& text);
/// Prints one JSON document; invalid UTF-8 is replaced. Throws as print().
void print_json(const nlohmann::json& document);

}  // namespace etl::app
