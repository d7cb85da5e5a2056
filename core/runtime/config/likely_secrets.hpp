/// \file
/// Masking of values that look secret, before the plugins declare which options are.
#pragma once

#include "core/runtime/config/diagnostics.hpp"
#include "core/runtime/config/document.hpp"

#include <string>
#include <string_view>

namespace etl::runtime {

/// Conceals the values of all keys that look like those of secrets ("password", "dsn").
void conceal_likely_secrets(const RawTable& table, Diagnostics& diagnostics);

/// Does the same for a text that cannot be parsed: masks what follows the "=" on such lines.
void conceal_likely_secrets(std::string_view text, const std::string& file,
                            Diagnostics& diagnostics);

}  // namespace etl::runtime
