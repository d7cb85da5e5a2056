/// \file
/// `--set STAGE.OPTION=VALUE`: values from the command line over those of the file.
#pragma once

#include "core/runtime/config/diagnostics.hpp"
#include "core/runtime/config/document.hpp"

#include <span>
#include <string>

namespace etl::runtime {

/// Puts `set` into the document, before anything in it is interpolated or checked. VALUE is read as
/// a TOML value where it is one (`4`, `["fr"]`), else as a string (`out.db`). Keys: `STAGE.OPTION`,
/// `run.OPTION`, `name`, `description`. Later ones win. Mistakes are reported at "--set KEY": never
/// with the value, which may be a secret.
void apply_overrides(std::span<const std::string> set, RawTable& document,
                     Diagnostics& diagnostics);

}  // namespace etl::runtime
