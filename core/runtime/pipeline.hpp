/// \file
/// A pipeline that has been read, checked and made: what every verb starts from.
#pragma once

#include "core/runtime/graph.hpp"
#include "core/runtime/log.hpp"
#include "core/runtime/pipeline_tests.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace etl::runtime {

/// What to open, and with what.
struct OpenRequest {
  std::filesystem::path path;
  std::vector<std::string> set;  ///< "STAGE.OPTION=VALUE"
  /// What relative times refer to; nothing = this moment.
  std::optional<std::chrono::sys_time<std::chrono::microseconds>> now = std::nullopt;
  const etl_slots* slots = nullptr;  ///< over all processes of the run; nullptr = it is one
};

/// A checked pipeline. Its stages are made but connected to nothing yet.
struct Pipeline {
  OpenRequest request;  ///< with `now` filled in
  PipelineFile file;
  std::unique_ptr<Graph> graph;
  std::vector<PipelineTest> tests;  ///< without the files that they name
};

/// Reads, checks and makes a pipeline, without reaching for any target. nullptr when `diagnostics`
/// has errors. Registers the values of secret options with `log`.
std::unique_ptr<Pipeline> open_pipeline(const OpenRequest& request, const StageRegistry& registry,
                                        Cancellation& cancellation, Log& log,
                                        Diagnostics& diagnostics);

}  // namespace etl::runtime
