#include "core/runtime/describe/graph_text.hpp"

#include "core/runtime/base/text.hpp"
#include "core/runtime/base/utf8.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <functional>
#include <string_view>

namespace etl::runtime {
namespace {

using Visit = std::function<void(NodeIndex from, NodeIndex to)>;

void each_edge(const Graph& graph, const Visit& visit) {
  for (NodeIndex from = 0; from < graph.nodes().size(); ++from) {
    for (const NodeIndex to : graph[from].outputs) visit(from, to);
  }
}

/// `title utf8`, or `title utf8?` if it is nullable, on one line.
std::string column_text(const Field& field) {
  return fmt::format("{} {}{}", printable(field.name, " "), type_name(field.type),
                     field.nullable ? "?" : "");
}

std::string columns_text(const Schema& schema) {
  std::string text;
  for (const Field& field : schema) text += (text.empty() ? "" : ", ") + column_text(field);
  return text;
}

/// Mermaid labels are quoted HTML, with entities written without ampersand.
std::string mermaid_label(std::string text) {
  constexpr std::array<std::array<std::string_view, 2>, 5> entities{
      {{"#", "#35;"}, {"&", "#amp;"}, {"\"", "#quot;"}, {"<", "#lt;"}, {">", "#gt;"}}};
  for (const auto& [special, entity] : entities) text = replaced(std::move(text), special, entity);
  return text;
}

std::string dot_label(const std::string& text) {
  return replaced(replaced(text, "\\", "\\\\"), "\"", "\\\"");
}

/// A shape per kind of stage, so that they differ without colours.
struct Shape {
  std::string_view mermaid_open, mermaid_close, dot;
};
constexpr Shape shape_of(Kind kind) {
  constexpr std::array<Shape, 3> shapes{
      {{"([\"", "\"])", "oval"}, {"[\"", "\"]", "box"}, {"[(\"", "\")]", "cylinder"}}};
  return shapes.at(static_cast<std::size_t>(kind));
}

}  // namespace

std::string graph_text(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes()) {
    text += fmt::format("{}{} {} ({})\n", text.empty() ? "" : "\n", kind_name(node.kind), node.name,
                        node.entry->stage->name);
    for (const NodeIndex output : node.outputs) {
      text += fmt::format("  -> {}: {}\n", graph[output].name, columns_text(node.out));
    }
  }
  return text;
}

std::string graph_mermaid(const Graph& graph) {
  std::string text = "flowchart LR\n";
  for (NodeIndex index = 0; index < graph.nodes().size(); ++index) {
    const Node& node = graph[index];
    const auto [open, close, dot] = shape_of(node.kind);
    text += fmt::format("  n{}{}{}<br/>{}{}\n", index, open, mermaid_label(node.name),
                        mermaid_label(node.entry->stage->name), close);
  }
  each_edge(graph, [&](NodeIndex from, NodeIndex to) {
    std::string columns;
    for (const Field& field : graph[from].out) {
      columns += (columns.empty() ? "" : "<br/>") + mermaid_label(column_text(field));
    }
    text += fmt::format("  n{} -- \"{}\" --> n{}\n", from, columns, to);
  });
  return text;
}

std::string graph_dot(const Graph& graph, const std::string& name) {
  std::string text =
      fmt::format("digraph \"{}\" {{\n  rankdir = LR\n", dot_label(printable(name, " ")));
  for (NodeIndex index = 0; index < graph.nodes().size(); ++index) {
    const Node& node = graph[index];
    text += fmt::format("  n{} [shape = {}, label = \"{}\\n{}\"]\n", index, shape_of(node.kind).dot,
                        dot_label(node.name), dot_label(node.entry->stage->name));
  }
  each_edge(graph, [&](NodeIndex from, NodeIndex to) {
    std::string columns;
    for (const Field& field : graph[from].out) columns += dot_label(column_text(field)) + "\\l";
    text += fmt::format("  n{} -> n{} [label = \"{}\"]\n", from, to, columns);
  });
  return text + "}\n";
}

nlohmann::json graph_json(const Graph& graph) {
  nlohmann::json stages = nlohmann::json::array();
  for (const Node& node : graph.nodes()) {
    stages.push_back(
        {{"name", node.name}, {"kind", kind_name(node.kind)}, {"plugin", node.entry->stage->name}});
  }
  nlohmann::json edges = nlohmann::json::array();
  each_edge(graph, [&](NodeIndex from, NodeIndex to) {
    nlohmann::json columns = nlohmann::json::array();
    for (const Field& field : graph[from].out) {
      columns.push_back(
          {{"name", field.name}, {"type", type_name(field.type)}, {"nullable", field.nullable}});
    }
    edges.push_back({{"from", graph[from].name}, {"to", graph[to].name}, {"columns", columns}});
  });
  return {{"stages", stages}, {"edges", edges}};
}

}  // namespace etl::runtime
