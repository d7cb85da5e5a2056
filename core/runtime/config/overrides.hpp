/// \file
/// `--set STAGE.OPTION=VALUE`: values from the command line that override the file.
#pragma once

#include "core/runtime/config/diagnostics.hpp"
#include "core/runtime/config/document.hpp"

#include <span>
#include <string>
#include <string_view>

namespace etl::runtime {

/// Applies `set` to the document, before interpolation and checks. VALUE is a TOML value if it
/// parses as one (`4`, `["fr"]`), and a string otherwise (`out.db`). Keys: `STAGE.OPTION`,
/// `run.OPTION`, `name`, `description`. Later arguments win. Mistakes are reported at "--set KEY",
/// never with the value, which may be a secret.
void apply_overrides(std::span<const std::string> set, RawTable& document,
                     Diagnostics& diagnostics);

/// Sets one option, as --set does; replaces an earlier value.
void put_override(RawTable& table, std::string_view name, std::string_view text,
                  const Position& position);

}  // namespace etl::runtime
