/// \file
/// The stage graph of a pipeline as text, JSON, or input for drawing tools.
#pragma once

#include "core/runtime/pipeline/graph.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace etl::runtime {

/// A paragraph per stage: its kind and plugin, and the columns that each following stage gets.
std::string graph_text(const Graph& graph);
/// A Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html).
std::string graph_mermaid(const Graph& graph);
/// A Graphviz digraph (https://graphviz.org/doc/info/lang.html).
std::string graph_dot(const Graph& graph, const std::string& name);
/// {stages: [{name, kind, plugin}], edges: [{from, to, columns: [{name, type, nullable}]}]}
nlohmann::json graph_json(const Graph& graph);

}  // namespace etl::runtime
