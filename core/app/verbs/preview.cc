#include "core/runtime/describe/preview.hpp"

#include "core/app/cli/verb.hpp"
#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/text_format.hpp"

namespace etl::app {
namespace {

runtime::NodeIndex find_stage(const runtime::Graph& graph, const std::string& name) {
  if (name.empty()) return graph.of_kind(runtime::Kind::sink).front();
  std::vector<std::string> names;
  for (runtime::NodeIndex node = 0; node < graph.nodes().size(); ++node) {
    if (graph[node].name == name) return node;
    names.push_back(graph[node].name);
  }
  throw Error::config("--stage: there is no stage \"" + name + "\"; " +
                      runtime::did_you_mean(name, names));
}

/// Formats a value as a cell of a table, on one line.
std::string cell_text(const nlohmann::json& value) {
  if (value.is_null()) return "NULL";
  if (!value.is_string()) return value.dump();
  const std::string quoted = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::string inside = quoted.substr(1, quoted.size() - 2);
  return inside.find('\\') == std::string::npos ? inside : quoted;
}

nlohmann::json as_json(const std::string& stage, const runtime::Preview& shown) {
  nlohmann::json columns = nlohmann::json::array();
  for (const Field& field : shown.schema) {
    columns.push_back(
        {{"name", field.name}, {"type", type_name(field.type)}, {"nullable", field.nullable}});
  }
  return {{"stage", stage}, {"columns", columns}, {"rows", shown.rows}};
}

std::string as_text(const runtime::Preview& shown) {
  std::vector<std::vector<std::string>> table(1);
  for (const Field& field : shown.schema) table.front().push_back(field.name);
  for (const nlohmann::json& row : shown.rows) {
    std::vector<std::string>& cells = table.emplace_back();
    for (const nlohmann::json& value : row) cells.push_back(cell_text(value));
  }
  return runtime::aligned(table);
}

class ShowPreview : public Verb {
 public:
  ShowPreview() : Verb("preview", "Show rows as they leave a stage; touches no sink") {}

  void declare(Options& options) override {
    declare_pipeline_file(options, file_);
    common.declare_set(options);
    common.declare_format(options);
    options.value("--stage", stage_, "The stage; default: the one that feeds the first sink");
    options.number("--rows", rows_, {1, 1'000'000}, "Number of rows");
  }

  int run(const Session& session) override {
    const OpenedPipeline pipeline = session.open(file_);
    const runtime::NodeIndex stage = find_stage(*pipeline->graph, stage_);
    const runtime::Preview shown =
        runtime::preview(*pipeline, stage, rows_, session.cancellation, session.log);
    session.require_not_stopped();
    if (session.json()) print_json(as_json((*pipeline->graph)[stage].name, shown));
    else print(as_text(shown));
    return exit_ok;
  }

 private:
  std::filesystem::path file_;
  std::string stage_;
  std::int64_t rows_ = 10;
};

}  // namespace

std::unique_ptr<Verb> preview_verb() { return std::make_unique<ShowPreview>(); }

}  // namespace etl::app
