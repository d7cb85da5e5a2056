/// \file
/// `--set STAGE.OPTION=VALUE`: values from the command line that override the file.
#pragma once

#include "core/runtime/config/diagnostics.hpp"
#include "core/runtime/config/document.hpp"

#include <span>
#include <string>

namespace etl::runtime {

/// Applies `set` to the document, before interpolation and checks. VALUE is a TOML value if it
/// parses as one (`4`, `["fr"]`), and a string otherwise (`out.db`). Keys: `STAGE.OPTION`,
/// `run.OPTION`, `name`, `description`. Later arguments win. Mistakes are reported at "--set KEY",
/// never with the value, which may be a secret.
void apply_overrides(std::span<const std::string> set, RawTable& document,
                     Diagnostics& diagnostics);

}  // namespace etl::runtime
