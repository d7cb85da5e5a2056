#include "core/runtime/attempt/reject_spools.hpp"

#include "core/runtime/base/utf8.hpp"

namespace etl::runtime {

std::vector<std::string> stages_between(const Graph& graph, NodeIndex source, NodeIndex sink) {
  std::vector<std::string> names;
  for (NodeIndex node = 0; node < graph.nodes().size(); ++node) {
    if (node != sink && graph.reaches(source, node) && graph.reaches(node, sink))
      names.push_back(graph[node].name);
  }
  return names;
}

std::unique_ptr<SpoolWriter> RejectSpools::begin(const Graph& graph,
                                                 const AttemptRequest& request) const {
  SpoolHeader header;
  header.pipeline_file = pipeline_file_;
  header.run_id = run_.run_id;
  header.key = {run_.pipeline, graph[request.source].name, request.partition.id};
  header.attempt = request.number;
  for (const NodeIndex sink : request.sinks)
    header.sinks[graph[sink].name] = stages_between(graph, request.source, sink);
  if (request.replay != nullptr) header.repaired = request.replay->lines;
  // An empty spool says that earlier entries are to be removed.
  const bool always = request.replaces_rejects || request.replay != nullptr;
  return std::make_unique<SpoolWriter>(folder_.file(request.spool), std::move(header), always);
}

RejectEntry RejectSpools::entry(const Graph& graph, const AttemptRequest& request, NodeIndex stage,
                                const etl_reject& reject) const {
  RejectEntry entry;
  entry.key = {run_.pipeline, graph[request.source].name, request.partition.id};
  entry.run_id = run_.run_id;
  entry.stage = graph[stage].name;
  if (reject.line > 0) entry.line = reject.line;
  if (reject.offset >= 0) entry.offset = reject.offset;
  entry.reason = printable(detail::to_view(reject.reason));
  entry.raw = detail::to_view(reject.raw);
  return entry;
}

}  // namespace etl::runtime
