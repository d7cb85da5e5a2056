#include "core/runtime/describe/preview.hpp"

#include "core/app/cli/exit_codes.hpp"
#include "core/app/cli/session.hpp"
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

/// Text in a table keeps to its line.
std::string cell_text(const nlohmann::json& value) {
  if (value.is_null()) return "NULL";
  if (!value.is_string()) return value.dump();
  const std::string quoted = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::string inside = quoted.substr(1, quoted.size() - 2);
  return inside.find('\\') == std::string::npos ? inside : quoted;
}

}  // namespace

int preview(const Session& session) {
  const runtime::StageRegistry registry = session.registry();
  runtime::Diagnostics diagnostics;
  const auto pipeline = runtime::open_pipeline(session.open_request(), registry,
                                               session.cancellation, session.log, diagnostics);
  if (pipeline == nullptr) return report(session, diagnostics);
  const runtime::NodeIndex stage = find_stage(*pipeline->graph, session.arguments.stage);
  const runtime::Preview shown =
      runtime::preview(*pipeline, stage, session.arguments.rows, session.cancellation, session.log);
  require_not_stopped(session);
  if (session.arguments.format == Format::json) {
    nlohmann::json columns = nlohmann::json::array();
    for (const Field& field : shown.schema) {
      columns.push_back(
          {{"name", field.name}, {"type", type_name(field.type)}, {"nullable", field.nullable}});
    }
    print_json(
        {{"stage", (*pipeline->graph)[stage].name}, {"columns", columns}, {"rows", shown.rows}});
    return exit_ok;
  }
  std::vector<std::vector<std::string>> table(1);
  for (const Field& field : shown.schema) table.front().push_back(field.name);
  for (const nlohmann::json& row : shown.rows) {
    std::vector<std::string>& cells = table.emplace_back();
    for (const nlohmann::json& value : row) cells.push_back(cell_text(value));
  }
  print(runtime::aligned(table));
  return exit_ok;
}

}  // namespace etl::app
