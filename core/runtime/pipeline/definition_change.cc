#include "core/runtime/pipeline/definition_change.hpp"

#include "core/runtime/pipeline/ledger_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace etl::runtime {
namespace {

std::map<std::string, std::string> stage_hashes(const std::string& definition) {
  std::map<std::string, std::string> hashes;
  std::istringstream parts(definition);
  for (std::string part; std::getline(parts, part, ';');) {
    const auto colon = part.rfind(':');
    if (colon != std::string::npos) hashes[part.substr(0, colon)] = part.substr(colon + 1);
  }
  return hashes;
}

/// `stage "pageviews" changed` and the like.
std::string difference(const std::string& before, const std::string& now) {
  const auto old_stages = stage_hashes(before);
  const auto new_stages = stage_hashes(now);
  std::string text;
  const auto say = [&](const std::string& stage, const char* what) {
    text += fmt::format("{}stage \"{}\" {}", text.empty() ? "" : ", ", stage, what);
  };
  for (const auto& [stage, hash] : new_stages) {
    const auto at = old_stages.find(stage);
    if (at == old_stages.end()) say(stage, "is new");
    else if (at->second != hash) say(stage, "changed");
  }
  for (const auto& [stage, hash] : old_stages) {
    if (!new_stages.contains(stage)) say(stage, "is gone");
  }
  return text.empty() ? "the stages changed" : text;
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
    const auto first = std::find_if(records.begin(), records.end(), differs);
    if (first == records.end()) continue;
    return fmt::format(
        "{} partitions in sink \"{}\", the first of them \"{}\", were loaded with another "
        "definition of this "
        "pipeline: {}",
        std::count_if(records.begin(), records.end(), differs), graph[sink].name, first->partition,
        difference(first->definition, definition));
  }
  return std::nullopt;
}

}  // namespace etl::runtime
