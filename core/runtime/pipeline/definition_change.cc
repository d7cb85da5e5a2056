#include "core/runtime/pipeline/definition_change.hpp"

#include "core/runtime/base/text_format.hpp"

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
    const auto count = std::count_if(first, records.end(), differs);
    const bool one = count == 1;
    return fmt::format(
        "{} in sink \"{}\",{} \"{}\", {} loaded with another definition of this pipeline: {}",
        counted(count, "partition"), graph[sink].name, one ? "" : " the first of them",
        first->partition, one ? "was" : "were", difference(first->definition, definition));
  }
  return std::nullopt;
}

}  // namespace etl::runtime
