#include "core/app/cli/exit_codes.hpp"
#include "core/app/cli/session.hpp"
#include "core/runtime/describe/graph_text.hpp"

namespace etl::app {

int graph(const Session& session) {
  const runtime::StageRegistry registry = session.registry();
  runtime::Diagnostics diagnostics;
  const auto pipeline = runtime::open_pipeline(session.open_request(), registry,
                                               session.cancellation, session.log, diagnostics);
  if (pipeline == nullptr) return report(session, diagnostics);
  const runtime::Graph& graph = *pipeline->graph;
  switch (session.arguments.format) {
    case Format::json: {
      nlohmann::json document = runtime::graph_json(graph);
      document["pipeline"] = pipeline->file.name;
      print_json(document);
      break;
    }
    case Format::mermaid:
      print(runtime::graph_mermaid(graph));
      break;
    case Format::dot:
      print(runtime::graph_dot(graph, pipeline->file.name));
      break;
    default:
      print(runtime::graph_text(graph));
  }
  return exit_ok;
}

}  // namespace etl::app
