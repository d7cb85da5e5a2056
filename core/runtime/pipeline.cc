#include "core/runtime/pipeline.hpp"

#include <algorithm>
#include <cstdlib>

namespace etl::runtime {
namespace {

std::optional<std::string> from_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets it
  if (value == nullptr) return std::nullopt;
  return value;
}

}  // namespace

std::unique_ptr<Pipeline> open_pipeline(const OpenRequest& request, const StageRegistry& registry,
                                        Cancellation& cancellation, Log& log,
                                        Diagnostics& diagnostics) {
  auto file = load_pipeline(LoadRequest{request.path, request.set, from_environment}, diagnostics);
  if (!file) return nullptr;
  auto pipeline = std::make_unique<Pipeline>();
  pipeline->file = std::move(*file);
  pipeline->request = request;
  // One moment for the whole pipeline, so that "-15d" and "-8d" are seven days apart.
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
       request.slots},
      [&log](const std::string& secret) { log.redactor().add(secret); }};
  pipeline->graph = Graph::build(pipeline->file, context, diagnostics);
  pipeline->tests = read_tests(pipeline->file, pipeline->graph.get(), diagnostics);
  if (pipeline->graph == nullptr || diagnostics.failed()) return nullptr;
  return pipeline;
}

}  // namespace etl::runtime
