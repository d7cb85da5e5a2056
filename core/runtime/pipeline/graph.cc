#include "core/runtime/pipeline/graph.hpp"

#include "core/runtime/base/suggest.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <map>
#include <optional>
#include <span>

namespace etl::runtime {

namespace {

/// Filters that may follow one another. A batch passes through a chain in nested calls, which take
/// a few kilobytes of stack for each filter.
constexpr std::size_t max_filters_in_chain = 256;

std::string hex_hash(const std::string& text) {
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

std::unique_ptr<Stage> make_stage(const etl_stage& table, const StageSpec& spec,
                                  std::span<const etl_option> options,
                                  const StageServices& services) {
  if (spec.kind == Kind::source)
    return std::make_unique<SourceStage>(table, spec.name, options, services);
  if (spec.kind == Kind::filter)
    return std::make_unique<FilterStage>(table, spec.name, options, services);
  return std::make_unique<SinkStage>(table, spec.name, options, services);
}

}  // namespace

/// Turns a PipelineFile into a Graph. Checks as much as the mistakes found so far allow.
class GraphBuilder {
 public:
  GraphBuilder(const PipelineFile& file, const GraphContext& context, Diagnostics& diagnostics)
      : file_(file), context_(context), diagnostics_(diagnostics) {}

  std::unique_ptr<Graph> build() {
    for (const StageSpec& spec : file_.stages) by_name_.try_emplace(spec.name, &spec);
    check_wiring();
    const std::vector<const StageSpec*> order = topological_order();
    if (!check_chains(order)) return nullptr;
    for (const StageSpec* spec : order) add_node(*spec);
    if (order.size() == file_.stages.size()) connect();
    if (diagnostics_.failed()) return nullptr;
    compute_reach();
    return std::move(graph_);
  }

 private:
  void error(const Position& position, std::string_view message, std::string_view hint = {}) {
    diagnostics_.error(position, message, hint);
  }
  static std::string title(const StageSpec& spec) {
    return fmt::format("{} \"{}\"", kind_name(spec.kind), spec.name);
  }

  void check_wiring() {
    std::map<std::string, bool> used;
    for (const StageSpec& spec : file_.stages) {
      for (const Input& input : spec.inputs) {
        used[input.name] = true;
        const auto at = by_name_.find(input.name);
        if (at == by_name_.end()) {
          // A misspelled name is one mistake: do not report the stage that was meant as unused.
          if (const auto meant = nearest(input.name, feeding_stages(spec))) used[*meant] = true;
          error(input.position, fmt::format("unknown input \"{}\" in {}", input.name, title(spec)),
                did_you_mean(input.name, feeding_stages(spec)));
        } else if (at->second->kind == Kind::sink) {
          error(input.position,
                fmt::format("input \"{}\" of {} is a sink, and a sink has no output", input.name,
                            title(spec)),
                did_you_mean(input.name, feeding_stages(spec)));
        }
      }
    }
    for (const StageSpec& spec : file_.stages) {
      if (spec.kind != Kind::sink && !used[spec.name]) {
        error(spec.position, fmt::format("{} is not used: no stage has it as input", title(spec)),
              fmt::format("write input = \"{}\" in a filter or sink, or remove it", spec.name));
      }
    }
  }

  std::vector<std::string> feeding_stages(const StageSpec& reader) const {
    std::vector<std::string> names;
    for (const StageSpec& spec : file_.stages) {
      if (spec.kind != Kind::sink && spec.name != reader.name) names.push_back(spec.name);
    }
    return names;
  }

  /// Inputs first, otherwise as in the file. Reports stages on a cycle and leaves them out.
  std::vector<const StageSpec*> topological_order() {
    std::vector<const StageSpec*> order;
    std::map<std::string, bool> placed;
    const auto ready = [&](const StageSpec& spec) {
      return std::ranges::all_of(spec.inputs, [&](const Input& input) {
        return placed[input.name] || !by_name_.contains(input.name) ||
               by_name_.at(input.name)->kind == Kind::sink;
      });
    };
    for (bool progress = true; progress;) {
      progress = false;
      for (const StageSpec& spec : file_.stages) {
        if (placed[spec.name] || !ready(spec)) continue;
        placed[spec.name] = true;
        order.push_back(&spec);
        progress = true;
      }
    }
    for (const StageSpec& spec : file_.stages) {
      if (!placed[spec.name] && on_cycle(spec)) {
        error(spec.inputs_position,
              fmt::format("{} is part of a cycle: it is its own input through other stages",
                          title(spec)),
              "stages form a graph from sources to sinks, without cycles");
      }
    }
    return order;
  }

  /// Reports the first filter that is too far from its source.
  bool check_chains(const std::vector<const StageSpec*>& order) {
    std::map<std::string_view, std::size_t> filters;  // up to and including the stage
    for (const StageSpec* spec : order) {
      std::size_t& count = filters[spec->name];
      for (const Input& input : spec->inputs) count = std::max(count, filters[input.name]);
      if (spec->kind != Kind::filter || ++count <= max_filters_in_chain) continue;
      error(spec->position,
            fmt::format(
                "{} is number {} in a chain of filters, and at most {} may follow one another",
                title(*spec), count, max_filters_in_chain),
            "combine filters, or load into a table and continue from there in another pipeline");
      return false;
    }
    return true;
  }

  bool on_cycle(const StageSpec& start) const {
    std::map<std::string, bool> seen;
    std::vector<const StageSpec*> open = {&start};
    while (!open.empty()) {
      const StageSpec* spec = open.back();
      open.pop_back();
      for (const Input& input : spec->inputs) {
        if (input.name == start.name) return true;
        const auto at = by_name_.find(input.name);
        if (at != by_name_.end() && !std::exchange(seen[input.name], true))
          open.push_back(at->second);
      }
    }
    return false;
  }

  void add_node(const StageSpec& spec) {
    Node& node = graph_->nodes_.emplace_back();
    node.kind = spec.kind;
    node.name = spec.name;
    node.position = spec.position;
    index_[spec.name] = graph_->nodes_.size() - 1;
    node.entry = find_plugin(spec);
    if (node.entry == nullptr) return;
    const etl_stage& table = *node.entry->stage;
    node.options = check_options(spec, {table.options, table.option_count},
                                 option_context(spec.kind), diagnostics_);
    if (node.options == nullptr) return;
    for (const std::string& secret : node.options->secrets()) context_.secret(secret);
    std::string identity = std::string(table.name) + "\n" + node.options->definition();
    for (const Input& input : spec.inputs) identity += "\ninput " + input.name;
    node.hash = hex_hash(identity);
    guarded(node, [&] {
      StageServices services = context_.services;
      services.memory = &graph_->memory_;
      services.wake = [&wakes = graph_->wakes_] { wakes.notify(); };
      node.stage = make_stage(table, spec, node.options->values(), services);
      if (spec.kind == Kind::source) node.out = graph_->source(index_.at(spec.name)).schema();
    });
  }

  /// Only sinks depend on the task: they may write to a database of its own.
  [[nodiscard]] OptionContext option_context(Kind kind) const {
    const auto task = kind == Kind::sink ? std::optional(context_.task) : std::nullopt;
    return {file_.folder, context_.now, task};
  }

  const StageEntry* find_plugin(const StageSpec& spec) {
    if (spec.plugin.empty()) return nullptr;  // reported where the file was read
    const StageEntry* entry = context_.registry.find(spec.plugin);
    if (entry == nullptr) {
      error(spec.plugin_position,
            fmt::format("unknown plugin \"{}\" in {}", spec.plugin, title(spec)),
            did_you_mean(spec.plugin, context_.registry.names()) + context_.registry.searched());
      return nullptr;
    }
    const Kind kind = kind_of(*entry->stage);
    if (kind != spec.kind) {
      error(spec.plugin_position,
            fmt::format("plugin \"{}\" is a {}, not a {}, in {}", spec.plugin, kind_name(kind),
                        kind_name(spec.kind), title(spec)),
            fmt::format("write [{}s.{}]", kind_name(kind), spec.name));
      return nullptr;
    }
    return entry;
  }

  void connect() {
    for (NodeIndex at = 0; at < graph_->nodes_.size(); ++at) {
      Node& node = graph_->nodes_[at];
      for (const Input& input : by_name_.at(node.name)->inputs) {
        const auto from = index_.find(input.name);
        if (from == index_.end()) continue;
        node.inputs.push_back(from->second);
        graph_->nodes_[from->second].outputs.push_back(at);
      }
      if (node.kind == Kind::source || node.stage == nullptr || !known_input(node)) continue;
      guarded(node, [&] {
        if (node.kind == Kind::filter) node.out = graph_->filter(at).schema(node.in);
        else graph_->sink(at).check(node.in);
      });
    }
  }

  /// Whether the arriving columns are known and the same on all inputs.
  bool known_input(Node& node) {
    const StageSpec& spec = *by_name_.at(node.name);
    if (node.inputs.size() != spec.inputs.size()) return false;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const Node& from = graph_->nodes_[node.inputs[i]];
      if (from.stage == nullptr || from.out.size() == 0) return false;
      if (i == 0) {
        node.in = from.out;
      } else if (const std::string clash = difference(node.in, from.out); !clash.empty()) {
        error(spec.inputs[i].position,
              fmt::format("the inputs of {} do not fit together: {}", title(spec), clash),
              fmt::format("\"{}\" gives {}; \"{}\" gives {}", spec.inputs[0].name, node.in.names(),
                          from.name, from.out.names()));
        return false;
      }
    }
    return true;
  }

  static std::string difference(const Schema& one, const Schema& other) {
    if (one.size() != other.size())
      return fmt::format("{} columns and {}", one.size(), other.size());
    for (std::size_t i = 0; i < one.size(); ++i) {
      if (one[i].name != other[i].name) {
        return fmt::format("column {} is \"{}\" in one and \"{}\" in the other", i + 1, one[i].name,
                           other[i].name);
      }
      if (one[i].type != other[i].type || one[i].nullable != other[i].nullable) {
        return fmt::format("column \"{}\" is {}{} in one and {}{} in the other", one[i].name,
                           type_name(one[i].type), one[i].nullable ? ", nullable" : "",
                           type_name(other[i].type), other[i].nullable ? ", nullable" : "");
      }
    }
    return {};
  }

  /// Runs `body` and reports an error of the stage at the line of the option that it is about.
  template <class Body>
  void guarded(Node& node, Body&& body) {
    try {
      body();
    } catch (const Error& failure) {
      error(node.position_of(failure), failure.message());
      node.stage.reset();
    }
  }

  void compute_reach() {
    const std::size_t count = graph_->nodes_.size();
    graph_->reach_.assign(count, std::vector<bool>(count, false));
    for (NodeIndex at = count; at-- > 0;) {
      graph_->reach_[at][at] = true;
      for (const NodeIndex next : graph_->nodes_[at].outputs) {
        for (NodeIndex to = 0; to < count; ++to) {
          if (graph_->reach_[next][to]) graph_->reach_[at][to] = true;
        }
      }
    }
  }

  const PipelineFile& file_;
  const GraphContext& context_;
  Diagnostics& diagnostics_;
  std::unique_ptr<Graph> graph_ = std::make_unique<Graph>();
  std::map<std::string, const StageSpec*> by_name_;
  std::map<std::string, NodeIndex> index_;
};

const Position& Node::position_of(const Error& error) const {
  const Position* option = options->position(error.option());
  return option != nullptr ? *option : position;
}

std::unique_ptr<Graph> Graph::build(const PipelineFile& file, const GraphContext& context,
                                    Diagnostics& diagnostics) {
  return GraphBuilder(file, context, diagnostics).build();
}

std::vector<NodeIndex> Graph::of_kind(Kind kind) const {
  std::vector<NodeIndex> found;
  for (NodeIndex at = 0; at < nodes_.size(); ++at) {
    if (nodes_[at].kind == kind) found.push_back(at);
  }
  return found;
}

std::optional<NodeIndex> Graph::find(Kind kind, std::string_view name) const {
  for (NodeIndex at = 0; at < nodes_.size(); ++at) {
    if (nodes_[at].kind == kind && nodes_[at].name == name) return at;
  }
  return std::nullopt;
}

std::vector<NodeIndex> Graph::sinks_of(NodeIndex source) const {
  std::vector<NodeIndex> sinks = of_kind(Kind::sink);
  std::erase_if(sinks, [&](NodeIndex sink) { return !reaches(source, sink); });
  return sinks;
}

std::string Graph::definition(NodeIndex source, NodeIndex sink) const {
  std::string text;
  for (NodeIndex at = 0; at < nodes_.size(); ++at) {
    if (!reaches(source, at) || !reaches(at, sink)) continue;
    text += (text.empty() ? "" : ";") + nodes_[at].name + ":" + nodes_[at].hash;
  }
  return text;
}

bool Graph::exactly_once() const {
  return std::ranges::all_of(of_kind(Kind::sink),
                             [this](NodeIndex index) { return sink(index).transactional(); });
}

const etl_option_spec* Graph::option_spec(std::string_view stage, std::string_view option) const {
  const auto node = std::ranges::find(nodes_, stage, &Node::name);
  if (node == nodes_.end()) return nullptr;
  const etl_stage& table = *node->entry->stage;
  for (const etl_option_spec& spec : std::span(table.options, table.option_count)) {
    if (detail::to_view(spec.name) == option) return &spec;
  }
  return nullptr;
}

}  // namespace etl::runtime
