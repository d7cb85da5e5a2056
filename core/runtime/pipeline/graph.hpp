/// \file
/// The stages of a pipeline, made and wired: a directed acyclic graph whose edges carry known
/// columns.
#pragma once

#include "core/runtime/base/notifier.hpp"
#include "core/runtime/config/diagnostics.hpp"
#include "core/runtime/config/option_values.hpp"
#include "core/runtime/config/pipeline_file.hpp"
#include "core/runtime/plugin/filter_stage.hpp"
#include "core/runtime/plugin/sink_stage.hpp"
#include "core/runtime/plugin/source_stage.hpp"
#include "core/runtime/plugin/stage_registry.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace etl::runtime {

/// Position of a node in Graph::nodes().
using NodeIndex = std::size_t;

struct Node {
  Kind kind = Kind::source;
  std::string name;
  Position position;
  const StageEntry* entry = nullptr;
  std::unique_ptr<OptionValues> options;
  std::unique_ptr<Stage> stage;
  std::vector<NodeIndex> inputs;   ///< in the order of `input`
  std::vector<NodeIndex> outputs;  ///< in the order of the file
  Schema in;                       ///< columns that arrive (filters, sinks)
  Schema out;                      ///< columns that leave (sources, filters)
  std::string hash;                ///< of everything in the stage that changes the data

  /// The columns of the rows that leave a source or filter, or reach a sink.
  [[nodiscard]] const Schema& columns() const { return kind == Kind::sink ? in : out; }
  /// The position of the option that the error is about, or else of the stage.
  [[nodiscard]] const Position& position_of(const Error& error) const;
};

/// What is needed to make stages, besides the file.
struct GraphContext {
  const StageRegistry& registry;
  std::chrono::sys_time<std::chrono::microseconds> now;  ///< reference of relative times
  StageServices services;  ///< without memory account and wake(), which the graph adds
  /// Receives the value of every secret option before a stage does.
  std::function<void(const std::string&)> secret;
  std::int64_t task = 0;  ///< replaces `{task}` in the paths of sinks
};

/// All stages in topological order (inputs before their readers, otherwise as in the file).
/// Read-only once built; stages follow their own thread rules.
class Graph {
 public:
  /// Makes and checks every stage. Reports all mistakes to `diagnostics`; nullptr if there are any.
  static std::unique_ptr<Graph> build(const PipelineFile& file, const GraphContext& context,
                                      Diagnostics& diagnostics);

  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
  [[nodiscard]] const Node& operator[](NodeIndex index) const { return nodes_[index]; }
  [[nodiscard]] std::vector<NodeIndex> of_kind(Kind kind) const;
  /// The stage of that kind and name.
  [[nodiscard]] std::optional<NodeIndex> find(Kind kind, std::string_view name) const;
  /// The stage of a node. Throws std::bad_cast if the node is of another kind.
  [[nodiscard]] const SourceStage& source(NodeIndex index) const {
    return dynamic_cast<const SourceStage&>(*nodes_[index].stage);
  }
  [[nodiscard]] const FilterStage& filter(NodeIndex index) const {
    return dynamic_cast<const FilterStage&>(*nodes_[index].stage);
  }
  [[nodiscard]] const SinkStage& sink(NodeIndex index) const {
    return dynamic_cast<const SinkStage&>(*nodes_[index].stage);
  }
  /// The sinks that this source's rows reach.
  [[nodiscard]] std::vector<NodeIndex> sinks_of(NodeIndex source) const;
  /// Whether rows leaving `from` reach `to` (a node reaches itself).
  [[nodiscard]] bool reaches(NodeIndex from, NodeIndex to) const { return reach_[from][to]; }
  /// The ledger's `definition` for this source and sink: "name:hash" of every stage between them.
  [[nodiscard]] std::string definition(NodeIndex source, NodeIndex sink) const;
  /// The declaration of a stage's option; nullptr if there is no such stage or option.
  [[nodiscard]] const etl_option_spec* option_spec(std::string_view stage,
                                                   std::string_view option) const;
  /// The memory held by all stages.
  [[nodiscard]] MemoryAccount& memory() const { return memory_; }
  /// Notified when the ready() of a source may answer differently.
  [[nodiscard]] Notifier& wakes() const { return wakes_; }
  /// Whether every sink keeps the ledger in its own transaction.
  [[nodiscard]] bool exactly_once() const;

 private:
  friend class GraphBuilder;
  // Before the stages, which use them until they are destroyed.
  mutable MemoryAccount memory_;
  mutable Notifier wakes_;
  std::vector<Node> nodes_;
  std::vector<std::vector<bool>> reach_;
};

}  // namespace etl::runtime
