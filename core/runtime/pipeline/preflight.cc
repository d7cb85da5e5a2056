#include "core/runtime/pipeline/preflight.hpp"

#include "core/runtime/pipeline/definition_change.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/lost_target.hpp"
#include "core/runtime/rejects/reject_file.hpp"

#include <fmt/format.h>

namespace etl::runtime {
namespace {

/// The position of the option that the error is about, or else of the stage.
const Position& position_of(const Node& node, const StageError& error) {
  const Position* option =
      error.option().empty() ? nullptr : node.options->position(error.option());
  return option != nullptr ? *option : node.position;
}

TargetState inspect_target(const Pipeline& pipeline, NodeIndex sink, bool reload,
                           LedgerView& ledger, Diagnostics& diagnostics) {
  const Graph& graph = *pipeline.graph;
  const Node& node = graph[sink];
  TargetState target{sink, {}, {}, {}};
  try {
    ledger.load_all(pipeline, sink);
    // Before the table is compared: changed columns would cause both errors.
    if (const auto changed = reload ? std::nullopt : changed_definition(graph, sink, ledger)) {
      diagnostics.error(node.position, *changed, std::string(changed_definition_remedy));
      return target;
    }
    if (auto found = graph.sink(sink).inspect(node.in)) {
      if (const auto lost = lost_target(graph, sink, pipeline.file.name, *found))
        diagnostics.error(node.position, *lost, std::string(lost_target_remedy));
      target.name = std::move(found->name);
      target.ddl = std::move(found->ddl);
    }
  } catch (const StageError& error) {
    if (error.code() == Code::config) diagnostics.error(position_of(node, error), error.message());
    else target.unreachable = error;
  }
  return target;
}

}  // namespace

Preflight run_preflight(const Pipeline& pipeline, bool reload, Diagnostics& diagnostics) {
  Preflight found;
  const RunSettings& run = pipeline.file.run;
  if (const std::string why = run.rejects ? why_unwritable(*run.rejects) : ""; !why.empty()) {
    diagnostics.error(run.rejects_position,
                      fmt::format("\"rejects\" in [run] cannot be written: {}", why),
                      "give a folder, or a file in an existing folder");
  }
  for (const NodeIndex sink : pipeline.graph->of_kind(Kind::sink)) {
    found.targets.push_back(inspect_target(pipeline, sink, reload, found.ledger, diagnostics));
  }
  return found;
}

}  // namespace etl::runtime
