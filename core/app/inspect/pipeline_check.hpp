/// \file
/// Checks a pipeline file for `etl validate` and `etl doctor`.
#pragma once

#include "core/app/cli/session.hpp"

#include <filesystem>

namespace etl::app {

/// Makes every check that a run makes before it moves data. Returns {file, valid, diagnostics,
/// targets: [{sink, target, reachable, error}], text}, where `text` has the diagnostics for people;
/// secrets are concealed. Throws Error (cancelled) on a stop.
[[nodiscard]] nlohmann::ordered_json check_pipeline(const Session& session,
                                                    const runtime::StageRegistry& registry,
                                                    const std::filesystem::path& file);

}  // namespace etl::app
