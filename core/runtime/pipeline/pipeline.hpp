/// \file
/// A pipeline that has been read, checked and made; every command starts from one.
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

/// Which pipeline file to open, and how.
struct OpenRequest {
  std::filesystem::path path;
  std::vector<std::string> set;  ///< "STAGE.OPTION=VALUE"
  /// Reference of relative times; none: the current time.
  std::optional<std::chrono::sys_time<std::chrono::microseconds>> now = std::nullopt;
  const etl_slots* slots = nullptr;  ///< shared by the processes of a run; nullptr: it is one
  bool reload = false;               ///< what is done is loaded again, so sources ask for it again
  /// Replaces `{task}` in the paths of sinks; none: the pipeline stands for all tasks, and 0 is
  /// used.
  std::optional<std::int64_t> task = std::nullopt;
  bool reads = true;  ///< false: no partition will be read; see Context::reads()
  /// Checks parts of the file that are not needed to open it. `graph` is nullptr if the stages
  /// have mistakes.
  std::function<void(const PipelineFile& file, const Graph* graph, Diagnostics& diagnostics)>
      further_checks = nullptr;
};

/// A checked pipeline. Its stages are made, but not connected to anything yet.
struct Pipeline {
  OpenRequest request;  ///< with `now` filled in
  PipelineFile file;
  std::unique_ptr<Graph> graph;
  /// Opens the pipeline again for one task, with `{task}` filled in; the graph has the same nodes.
  /// Throws Error (config). What the pipeline was opened with must still exist.
  std::function<std::unique_ptr<Pipeline>(std::int64_t task)> open_task;
};

/// Calls `visit` with this sink of the pipeline. Where each task has a database of its own and the
/// pipeline stands for all tasks, also calls it with the sink of every other task.
void for_each_database(const Pipeline& pipeline, NodeIndex sink,
                       const std::function<void(const SinkStage&)>& visit);

/// The paths of a sink that contain `{task}`, by option; empty if it has one database.
[[nodiscard]] const std::map<std::string, std::string>& per_task(const Node& sink);
/// Throws Error (config) if each task has a database of its own and the pipeline stands for all.
void require_one_database(const Pipeline& pipeline, NodeIndex sink);
/// The tasks whose database files exist.
[[nodiscard]] std::vector<std::int64_t> tasks_found(const Node& sink);

/// Reads, checks and makes a pipeline without connecting to any target. Returns nullptr if
/// `diagnostics` has errors. Registers the values of secret options with `log`.
std::unique_ptr<Pipeline> open_pipeline(const OpenRequest& request, const StageRegistry& registry,
                                        Cancellation& cancellation, Log& log,
                                        Diagnostics& diagnostics);

}  // namespace etl::runtime
