#include "core/runtime/pipeline/pipeline.hpp"

#include "core/runtime/base/environment.hpp"
#include "core/runtime/config/task_paths.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace etl::runtime {

std::unique_ptr<Pipeline> open_pipeline(const OpenRequest& request, const StageRegistry& registry,
                                        Cancellation& cancellation, Log& log,
                                        Diagnostics& diagnostics) {
  auto file =
      load_pipeline(LoadRequest{request.path, request.set, environment_variable}, diagnostics);
  if (!file) return nullptr;
  auto pipeline = std::make_unique<Pipeline>();
  pipeline->file = std::move(*file);
  pipeline->request = request;
  // One time for the whole pipeline, so that "-15d" and "-8d" are exactly seven days apart.
  const auto now = request.now.value_or(
      std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()));
  pipeline->request.now = now;
  const GraphContext context{
      registry,
      now,
      {cancellation,
       [&log](const std::string& stage, std::uint32_t level, std::string_view text) {
         log.write(static_cast<LogLevel>(std::min<std::uint32_t>(level, ETL_ERROR)), stage, text);
       },
       request.slots, nullptr, request.reads, request.reload},
      [&log](const std::string& secret) { log.redactor().add(secret); },
      request.task.value_or(0)};
  pipeline->graph = Graph::build(pipeline->file, context, diagnostics);
  if (request.further_checks)
    request.further_checks(pipeline->file, pipeline->graph.get(), diagnostics);
  if (pipeline->graph == nullptr || diagnostics.failed()) return nullptr;
  OpenRequest again = pipeline->request;
  again.further_checks = nullptr;
  pipeline->open_task = [again, &registry, &cancellation, &log](std::int64_t task) mutable {
    again.task = task;
    Diagnostics found;
    auto opened = open_pipeline(again, registry, cancellation, log, found);
    if (opened == nullptr) throw Error::config(found.text(false));
    return opened;
  };
  return pipeline;
}

void for_each_database(const Pipeline& pipeline, NodeIndex sink,
                       const std::function<void(const SinkStage&)>& visit) {
  visit(pipeline.graph->sink(sink));
  if (pipeline.request.task) return;
  for (const std::int64_t task : tasks_found((*pipeline.graph)[sink])) {
    if (task != 0) visit(pipeline.open_task(task)->graph->sink(sink));  // 0 is the pipeline's own
  }
}

const std::map<std::string, std::string>& per_task(const Node& sink) {
  return sink.options->per_task();
}

void require_one_database(const Pipeline& pipeline, NodeIndex sink) {
  const Node& node = (*pipeline.graph)[sink];
  if (per_task(node).empty() || pipeline.request.task) return;
  throw Error::config(
      fmt::format("sink \"{0}\" has one database per task; choose one: --set {0}.{1}=PATH",
                  node.name, per_task(node).begin()->first));
}

std::vector<std::int64_t> tasks_found(const Node& sink) {
  const auto& paths = per_task(sink);
  return paths.empty() ? std::vector<std::int64_t>{} : tasks_found(paths.begin()->second);
}

}  // namespace etl::runtime
