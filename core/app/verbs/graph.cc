#include "core/app/cli/verb.hpp"
#include "core/runtime/describe/graph_text.hpp"

namespace etl::app {
namespace {

class ShowGraph : public Verb {
 public:
  ShowGraph() : Verb("graph", "Show the stages and the columns that go from one to the next") {}

  void declare(Options& options) override {
    declare_pipeline_file(options, file_);
    common.declare_set(options);
    common.declare_format(options, {{"mermaid", Format::mermaid}, {"dot", Format::dot}});
  }

  int run(const Session& session) override {
    const OpenedPipeline pipeline = session.open_to_look(file_);
    const runtime::Graph& graph = *pipeline->graph;
    switch (common.format) {
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

 private:
  std::filesystem::path file_;
};

}  // namespace

std::unique_ptr<Verb> graph_verb() { return std::make_unique<ShowGraph>(); }

}  // namespace etl::app
