/// \file
/// A pipeline that has been read, checked and made: what every verb starts from.
#pragma once

#include "core/runtime/base/log.hpp"
#include "core/runtime/pipeline/graph.hpp"

#include <chrono>
#include <functional>
#include <map>
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
  /// What `{task}` in a path of a sink becomes; nothing = 0, for who looks at all tasks.
  std::optional<std::int64_t> task = std::nullopt;
  /// Reports what is wrong in parts of the file that opening it does not need. `graph` is nullptr
  /// when the stages have mistakes.
  std::function<void(const PipelineFile& file, const Graph* graph, Diagnostics& diagnostics)>
      further_checks = nullptr;
};

/// A checked pipeline. Its stages are made but connected to nothing yet.
struct Pipeline {
  OpenRequest request;  ///< with `now` filled in
  PipelineFile file;
  std::unique_ptr<Graph> graph;
  /// The same pipeline as a task has it, with `{task}` filled in; the graph has the same nodes.
  /// Throws Error (config). Uses what the pipeline was opened with.
  std::function<std::unique_ptr<Pipeline>(std::int64_t task)> of_task;
};

/// The paths of a sink that differ from task to task, by option; none = it has one database.
[[nodiscard]] const std::map<std::string, std::string>& per_task(const Node& sink);
/// The tasks that have written to a sink with a database a task: those whose files are there.
[[nodiscard]] std::vector<std::int64_t> tasks_of(const Node& sink);

/// Reads, checks and makes a pipeline, without reaching for any target. nullptr when `diagnostics`
/// has errors. Registers the values of secret options with `log`.
std::unique_ptr<Pipeline> open_pipeline(const OpenRequest& request, const StageRegistry& registry,
                                        Cancellation& cancellation, Log& log,
                                        Diagnostics& diagnostics);

}  // namespace etl::runtime
