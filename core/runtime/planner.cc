#include "core/runtime/planner.hpp"

#include "core/runtime/reject_file.hpp"
#include "core/runtime/utf8.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace etl::runtime {

bool selected(const Selection& selection, const std::string& id) {
  return selection.only.empty() ||
         std::any_of(selection.only.begin(), selection.only.end(), [&](const std::string& glob) {
           return ::fnmatch(glob.c_str(), id.c_str(), 0) == 0;
         });
}

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

void LedgerView::load(const Graph& graph, NodeIndex sink, const std::string& pipeline) {
  Entries entries;
  for (LedgerRecord& record : graph[sink].stage->committed(pipeline))
    entries.add(std::move(record));
  sinks_[sink] = std::move(entries);
}

void LedgerView::Entries::add(LedgerRecord record) {
  const auto [at, is_new] = index.try_emplace({record.source, record.partition}, records.size());
  if (!is_new && records[at->second].state != State::done) at->second = records.size();
  records.push_back(std::move(record));
}

void LedgerView::load_all(const Pipeline& pipeline, NodeIndex sink) {
  const Graph& graph = *pipeline.graph;
  load(graph, sink, pipeline.file.name);
  if (pipeline.request.task) return;
  for (const std::int64_t task : tasks_of(graph[sink])) {
    if (task == 0) continue;  // is what was read already
    const auto other = pipeline.of_task(task);
    for (LedgerRecord& record : (*other->graph)[sink].stage->committed(pipeline.file.name))
      sinks_[sink].add(std::move(record));
  }
}

const LedgerRecord* LedgerView::find(NodeIndex sink, const std::string& source,
                                     const std::string& partition) const {
  const auto entries = sinks_.find(sink);
  if (entries == sinks_.end()) return nullptr;
  const auto at = entries->second.index.find({source, partition});
  return at == entries->second.index.end() ? nullptr : &entries->second.records[at->second];
}

const std::vector<LedgerRecord>& LedgerView::records(NodeIndex sink) const {
  static const std::vector<LedgerRecord> none;
  const auto entries = sinks_.find(sink);
  return entries == sinks_.end() ? none : entries->second.records;
}

std::vector<std::size_t> tasks_of(const std::vector<PlannedPartition>& planned, std::size_t tasks) {
  std::vector<std::int64_t> bytes;
  bytes.reserve(planned.size());
  for (const PlannedPartition& each : planned) bytes.push_back(each.partition.bytes);
  return share_out(bytes, tasks);
}

namespace {

/// The whole plan is shared out, whatever is done already: so all tasks agree, whenever they start.
void keep_share(std::vector<PlannedPartition>& planned, const TaskShare& share) {
  const std::vector<std::size_t> task_of = tasks_of(planned, static_cast<std::size_t>(share.of));
  std::vector<PlannedPartition> kept;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    if (task_of[i] == static_cast<std::size_t>(share.task)) kept.push_back(std::move(planned[i]));
  }
  planned = std::move(kept);
}

}  // namespace

std::vector<PlannedPartition> plan_partitions(const Graph& graph, const Selection& selection) {
  std::vector<PlannedPartition> planned;
  for (const NodeIndex source : graph.of_kind(Kind::source)) {
    std::set<std::string> ids;
    for (Partition& partition : graph[source].stage->plan()) {
      if (partition.id.empty() || printable(partition.id) != partition.id) {
        throw graph[source].stage->failure(
            Error(Code::internal,
                  fmt::format("plans the partition {}, whose id is empty or not printable",
                              in_quotes(partition.id))));
      }
      if (!ids.insert(partition.id).second) {
        throw graph[source].stage->failure(
            Error(Code::internal, fmt::format("plans the partition \"{}\" twice", partition.id)));
      }
      if (selected(selection, partition.id)) planned.push_back({source, std::move(partition)});
    }
  }
  if (selection.limit && planned.size() > static_cast<std::size_t>(*selection.limit)) {
    planned.resize(static_cast<std::size_t>(*selection.limit));
  }
  if (selection.share) keep_share(planned, *selection.share);
  return planned;
}

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

namespace {

/// Position of the option that a stage complained about, or of the stage.
const Position& position_of(const Node& node, const StageError& error) {
  const Position* option =
      error.option().empty() ? nullptr : node.options->position(error.option());
  return option != nullptr ? *option : node.position;
}

TargetState look_at(const Pipeline& pipeline, NodeIndex sink, bool reload, LedgerView& ledger,
                    Diagnostics& diagnostics) {
  const Graph& graph = *pipeline.graph;
  const Node& node = graph[sink];
  TargetState target{sink, {}, {}, {}};
  try {
    ledger.load_all(pipeline, sink);
    // Said before what does not fit the table: changed columns are the reason for both.
    if (const auto changed = reload ? std::nullopt : changed_definition(graph, sink, ledger)) {
      diagnostics.error(node.position, *changed, std::string(changed_definition_remedy));
      return target;
    }
    if (auto found = node.stage->inspect(node.in)) {
      target.name = std::move(found->first);
      target.ddl = std::move(found->second);
    }
  } catch (const StageError& error) {
    if (error.code() == Code::config) diagnostics.error(position_of(node, error), error.message());
    else target.unreachable = error;
  }
  return target;
}

}  // namespace

Preflight look_ahead(const Pipeline& pipeline, bool reload, Diagnostics& diagnostics) {
  Preflight found;
  const RunSettings& run = pipeline.file.run;
  if (const std::string why = run.rejects ? why_unwritable(*run.rejects) : ""; !why.empty()) {
    diagnostics.error(run.rejects_position,
                      fmt::format("\"rejects\" in [run] cannot be written: {}", why),
                      "name a file in a folder that is there, or a folder");
  }
  for (const NodeIndex sink : pipeline.graph->of_kind(Kind::sink)) {
    found.targets.push_back(look_at(pipeline, sink, reload, found.ledger, diagnostics));
  }
  return found;
}

}  // namespace etl::runtime
