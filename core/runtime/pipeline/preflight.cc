#include "core/runtime/pipeline/preflight.hpp"

#include "core/runtime/base/text_format.hpp"
#include "core/runtime/pipeline/ledger_view.hpp"
#include "core/runtime/pipeline/lost_target.hpp"
#include "core/runtime/rejects/reject_file.hpp"

#include <etl/detail/split.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace etl::runtime {
namespace {

std::map<std::string, std::string> stage_hashes(const std::string& definition) {
  std::map<std::string, std::string> hashes;
  for (const std::string_view part : detail::split(definition, ';')) {
    const auto colon = part.rfind(':');
    if (colon != std::string_view::npos)
      hashes.emplace(part.substr(0, colon), part.substr(colon + 1));
  }
  return hashes;
}

/// `stage "pageviews" changed` and the like.
std::string difference(const std::string& before, const std::string& now) {
  const auto old_stages = stage_hashes(before);
  const auto new_stages = stage_hashes(now);
  std::string text;
  const auto add = [&](const std::string& stage, const char* change) {
    text += fmt::format("{}stage \"{}\" {}", text.empty() ? "" : ", ", stage, change);
  };
  for (const auto& [stage, hash] : new_stages) {
    const auto at = old_stages.find(stage);
    if (at == old_stages.end()) add(stage, "is new");
    else if (at->second != hash) add(stage, "changed");
  }
  for (const auto& [stage, hash] : old_stages) {
    if (!new_stages.contains(stage)) add(stage, "is gone");
  }
  return text.empty() ? "the stages changed" : text;
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
      diagnostics.error(node.position, *changed, changed_definition_remedy);
      return target;
    }
    if (auto found = graph.sink(sink).inspect(node.in)) {
      if (const auto lost = lost_target(graph, sink, pipeline.file.name, *found))
        diagnostics.error(node.position, *lost, lost_target_remedy);
      target.name = std::move(found->name);
      target.ddl = std::move(found->ddl);
    }
  } catch (const StageError& error) {
    if (error.code() == Code::config) diagnostics.error(node.position_of(error), error.message());
    else target.unreachable = error;
  }
  return target;
}

}  // namespace

std::optional<std::string> changed_definition(const Graph& graph, NodeIndex sink,
                                              const LedgerView& ledger) {
  for (const NodeIndex source : graph.of_kind(Kind::source)) {
    const std::string definition = graph.definition(source, sink);
    const auto& records = ledger.records(sink);
    const auto differs = [&](const LedgerRecord& record) {
      return record.source == graph[source].name && record.state == State::done &&
             record.definition != definition;
    };
    const auto first = std::ranges::find_if(records, differs);
    if (first == records.end()) continue;
    const auto count = std::ranges::count_if(records, differs);
    const bool one = count == 1;
    return fmt::format(
        "{} in sink \"{}\",{} \"{}\", {} loaded with a different definition of this pipeline: {}",
        counted(count, "partition"), graph[sink].name, one ? "" : " first", first->partition,
        one ? "was" : "were", difference(first->definition, definition));
  }
  return std::nullopt;
}

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
