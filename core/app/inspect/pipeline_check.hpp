/// \file
/// Checks a pipeline file for `etl validate` and `etl doctor`.
#pragma once

#include "core/app/cli/session.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace etl::app {

// NOLINTNEXTLINE(bugprone-exception-escape): `findings` begins as null, which throws nothing
struct PipelineCheck {
  /// The target of a sink.
  struct Target {
    std::string sink;
    std::string name;         ///< empty if the sink does not name it
    std::string unreachable;  ///< why it could not be inspected; empty = it was
  };
  bool valid = false;
  nlohmann::json findings;  ///< secrets are concealed, also in `text`
  std::string text;         ///< the findings for people
  std::vector<Target> targets;
};

/// Makes every check that a run makes before it moves data. Throws Error (cancelled) on a stop.
[[nodiscard]] PipelineCheck check_pipeline(const Session& session,
                                           const runtime::StageRegistry& registry,
                                           const std::filesystem::path& file);

}  // namespace etl::app
