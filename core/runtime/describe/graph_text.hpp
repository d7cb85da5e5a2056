/// \file
/// The stage graph of a pipeline for people and for the tools that draw graphs.
#pragma once

#include "core/runtime/pipeline/graph.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace etl::runtime {

/// A paragraph a stage: what it is, and for each stage behind it the columns that go there.
std::string graph_text(const Graph& graph);
/// A Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html).
std::string graph_mermaid(const Graph& graph);
/// Graphviz (https://graphviz.org/doc/info/lang.html).
std::string graph_dot(const Graph& graph, const std::string& name);
/// {stages: [{name, kind, plugin}], edges: [{from, to, columns: [{name, type, nullable}]}]}
nlohmann::json graph_json(const Graph& graph);

}  // namespace etl::runtime
