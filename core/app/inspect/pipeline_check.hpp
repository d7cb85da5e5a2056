/// \file
/// What `etl validate` finds in a pipeline file.
#pragma once

#include "core/app/cli/session.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace etl::app {

// NOLINTNEXTLINE(bugprone-exception-escape): null, as which the findings begin, throws nothing
struct PipelineCheck {
  /// A sink's target, as it was found.
  struct Target {
    std::string sink;
    std::string name;         ///< empty where the sink does not say
    std::string unreachable;  ///< why it could not be looked at; empty = it could
  };
  bool valid = false;
  nlohmann::json findings;  ///< with secrets concealed, as `text`
  std::string text;         ///< the same for people
  std::vector<Target> targets;
};

/// Makes every check that a run makes before it moves data. Throws Error (cancelled) when it was to
/// stop: half a result is none.
[[nodiscard]] PipelineCheck check_pipeline(const Session& session,
                                           const runtime::StageRegistry& registry,
                                           const std::filesystem::path& file);

}  // namespace etl::app
