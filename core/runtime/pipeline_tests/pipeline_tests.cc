#include "core/runtime/pipeline_tests/pipeline_tests.hpp"

#include "core/runtime/base/descriptor.hpp"
#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/pipeline_tests/test_row_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace etl::runtime {
namespace {

constexpr std::array<TestKey, 9> keys{{
    {"name", "What the test shows; unique in the file."},
    {"partition",
     "The id of the partition that the inputs belong to; a source reads it with its records."},
    {"inputs", "By stage: rows it outputs in the test; the stage itself does not run."},
    {"records", "By source: raw records for it to read, as a list or a string of lines."},
    {"outputs", "By stage: the rows it must output (or a sink must receive), in this order."},
    {"every", "By stage: values that all its rows must have."},
    {"counts", "By stage: how many rows it must output (or a sink must receive)."},
    {"rejects", "How many rejects to expect: a number, or one per reason; none by default."},
    {"error", "Text that the error of the failing partition must contain."},
}};

/// A stage whose rows a test expects.
struct Expectation {
  NodeIndex node;
  Position position;
};

/// Reads and checks one test. Reports every mistake.
class TestReader {
 public:
  TestReader(const PipelineFile& file, const Graph* graph, Diagnostics& diagnostics)
      : file_(file), graph_(graph), diagnostics_(diagnostics) {}

  /// Returns nothing if the test has a mistake, or without a graph.
  std::optional<PipelineTest> read(const RawTable& table, const Position& position,
                                   std::size_t number) {
    title_ = fmt::format("test {}", number);
    test_.position = position;
    read_name(table, position);
    for (const RawOption& option : table) read_key(option);
    check_whole(table, position);
    if (failed_ || graph_ == nullptr) return std::nullopt;
    std::ranges::sort(test_.inputs, {}, &TestInput::node);
    std::ranges::sort(test_.outputs, {}, &TestOutput::node);
    return std::move(test_);
  }

 private:
  void error(const Position& position, std::string_view message, std::string_view hint = {}) {
    failed_ = true;
    diagnostics_.error(position, message, hint);
  }

  void wrong_type(const RawOption& option, std::string_view wanted, std::string_view hint = {}) {
    error(option.value,
          fmt::format("{} of {} must be {}, not {}", named(option), title_, wanted,
                      type_name(option.data)),
          hint);
  }

  /// `"counts.db"`
  [[nodiscard]] std::string named(const RawOption& option) const {
    return in_quotes(within_ + option.name);
  }

  void read_name(const RawTable& table, const Position& position) {
    const RawOption* option = find_option(table, "name");
    if (option == nullptr)
      return error(position, title_ + " has no name", "add: name = \"what it shows\"");
    const auto* name = std::get_if<std::string>(&option->data);
    if (name == nullptr) return wrong_type(*option, "a string");
    if (name->find_first_not_of(" \t\r\n") == std::string::npos)
      return error(option->value, fmt::format("\"name\" of {} must not be empty", title_));
    test_.name = *name;
    test_.position = option->value;
    title_ = "test " + in_quotes(*name);
  }

  void read_key(const RawOption& option) {
    within_.clear();
    if (option.name == "name") return;
    if (option.name == "partition" || option.name == "error") return read_text(option);
    if (option.name == "inputs") return by_stage(option, &TestReader::read_input);
    if (option.name == "records") return by_stage(option, &TestReader::read_records);
    if (option.name == "outputs") return by_stage(option, &TestReader::read_output);
    if (option.name == "every") return by_stage(option, &TestReader::read_every);
    if (option.name == "counts") return by_stage(option, &TestReader::read_count);
    if (option.name == "rejects") return read_rejects(option);
    std::vector<std::string> known;
    known.reserve(keys.size());
    for (const TestKey& key : keys) known.emplace_back(key.name);
    error(option.key, fmt::format("unknown key {} in {}", in_quotes(option.name), title_),
          did_you_mean(option.name, known));
  }

  void read_text(const RawOption& option) {
    const auto* text = std::get_if<std::string>(&option.data);
    if (text == nullptr) return wrong_type(option, "a string");
    if (option.name == "partition") {
      test_.partition = *text;
    } else if (text->empty()) {
      error(option.value, fmt::format("\"error\" of {} must not be empty", title_));
    } else {
      test_.error = *text;
      test_.error_position = option.value;
    }
  }

  /// Reads a table with a value per stage. Without a graph the node is 0.
  using StageRead = void (TestReader::*)(const RawOption& option, Kind kind, NodeIndex node);
  void by_stage(const RawOption& option, StageRead read_one) {
    const auto* table = std::get_if<RawTable>(&option.data);
    if (table == nullptr)
      return wrong_type(option, "a table", fmt::format("write {}.STAGE = ...", option.name));
    within_ = option.name + ".";
    for (const RawOption& one : *table) {
      const auto spec = std::ranges::find(file_.stages, one.name, &StageSpec::name);
      if (spec != file_.stages.end()) {
        (this->*read_one)(one, spec->kind, node_of(one.name));
        continue;
      }
      std::vector<std::string> names;
      for (const StageSpec& stage : file_.stages) names.push_back(stage.name);
      error(one.key,
            fmt::format("{} of {}: there is no stage {}", in_quotes(option.name), title_,
                        in_quotes(one.name)),
            did_you_mean(one.name, names));
    }
  }

  [[nodiscard]] NodeIndex node_of(const std::string& name) const {
    if (graph_ == nullptr) return 0;
    const auto& nodes = graph_->nodes();
    return static_cast<NodeIndex>(std::ranges::find(nodes, name, &Node::name) - nodes.begin());
  }

  // ---- inputs ----------------------------------------------------------------------------------

  void read_input(const RawOption& option, Kind kind, NodeIndex node) {
    if (kind == Kind::sink) {
      return error(option.key,
                   fmt::format("no rows leave the sink {}: {} cannot have it as input",
                               in_quotes(option.name), title_),
                   "name a stage whose rows the test provides");
    }
    const std::size_t before = diagnostics_.all().size();
    TestInput input{node, option.key, false, read_rows(option, kind, node), {}, {}};
    if (diagnostics_.all().size() == before) add_input(std::move(input), option);
  }

  void read_records(const RawOption& option, Kind kind, NodeIndex node) {
    if (kind != Kind::source) {
      return error(option.key,
                   fmt::format("{} is a {}: {} cannot have records for it", in_quotes(option.name),
                               kind_name(kind), title_),
                   fmt::format("a {} reads rows: write inputs", kind_name(kind)));
    }
    if (graph_ != nullptr && !graph_->source(node).can_replay()) {
      return error(option.key,
                   fmt::format("source {} ({}) cannot read records by themselves, in {}",
                               in_quotes(option.name), (*graph_)[node].entry->stage->name, title_),
                   fmt::format("write rows instead: inputs.{} = [...]", option.name));
    }
    TestInput input{node, option.key, true, {}, {}, {}};
    if (const auto* text = std::get_if<std::string>(&option.data)) {
      input.records = lines_of(*text);
    } else if (const auto* items = std::get_if<RawList>(&option.data)) {
      for (const RawItem& item : *items) {
        const auto* record = std::get_if<std::string>(&item.data);
        if (record != nullptr) {
          input.records.push_back(*record);
          continue;
        }
        error(item.position, fmt::format("the records of {} in {} must be strings, not {}",
                                         in_quotes(option.name), title_, type_name(item.data)));
      }
    } else if (const auto file = file_in(option)) {
      input.file = *file;
    } else {
      return wrong_type(option, "an array of strings, a string of lines, or { file = \"...\" }");
    }
    add_input(std::move(input), option);
  }

  void add_input(TestInput input, const RawOption& option) {
    if (!given_.insert(option.name).second) {
      return error(option.key, fmt::format("{} has both inputs and records for {}", title_,
                                           in_quotes(option.name)));
    }
    test_.inputs.push_back(std::move(input));
  }

  /// The file of `{ file = "..." }`.
  [[nodiscard]] std::optional<std::filesystem::path> file_in(const RawOption& option) const {
    const auto* table = std::get_if<RawTable>(&option.data);
    if (table == nullptr || table->size() != 1 || table->front().name != "file") return {};
    const auto* path = std::get_if<std::string>(&table->front().data);
    if (path == nullptr || path->empty()) return {};
    return (file_.folder / *path).lexically_normal();
  }

  TestRows read_rows(const RawOption& option, Kind kind, NodeIndex node) {
    TestRows rows;
    rows.position = option.value;
    if (const auto file = file_in(option)) {
      rows.file = *file;
      return rows;
    }
    const auto* items = std::get_if<RawList>(&option.data);
    if (items == nullptr) {
      wrong_type(option, "an array of rows, or { file = \"...\" }",
                 fmt::format("write {} = [ {{ column = value, ... }}, ... ]", option.name));
      return rows;
    }
    for (const RawItem& item : *items) {
      const auto* table = std::get_if<RawTable>(&item.data);
      if (table == nullptr) {
        error(item.position,
              fmt::format("a row of {} in {} must be a table, not {}", in_quotes(option.name),
                          title_, type_name(item.data)),
              "write { column = value, ... }");
        continue;
      }
      rows.rows.push_back(read_row(*table, option.name, kind, node));
      rows.positions.push_back(item.position);
    }
    return rows;
  }

  PartialRow read_row(const RawTable& table, const std::string& name, Kind kind, NodeIndex node) {
    if (graph_ == nullptr) return {};
    const std::size_t before = diagnostics_.all().size();
    PartialRow row =
        read_test_row(table, (*graph_)[node].columns(),
                      fmt::format("{} {}", kind_name(kind), in_quotes(name)), diagnostics_);
    failed_ = failed_ || diagnostics_.all().size() != before;
    return row;
  }

  // ---- expectations ----------------------------------------------------------------------------

  TestOutput& output(NodeIndex node) {
    const auto at = std::ranges::find(test_.outputs, node, &TestOutput::node);
    if (at != test_.outputs.end()) return *at;
    return test_.outputs.emplace_back(TestOutput{node, {}, {}, {}, {}});
  }

  void expects(const RawOption& option, NodeIndex node) { expected_.push_back({node, option.key}); }

  void read_output(const RawOption& option, Kind kind, NodeIndex node) {
    expects(option, node);
    output(node).rows = read_rows(option, kind, node);
  }

  void read_every(const RawOption& option, Kind kind, NodeIndex node) {
    expects(option, node);
    const auto* table = std::get_if<RawTable>(&option.data);
    if (table == nullptr) return wrong_type(option, "a table of columns");
    output(node).every = {
        option.value, {}, {read_row(*table, option.name, kind, node)}, {option.value}};
  }

  void read_count(const RawOption& option, Kind /*kind*/, NodeIndex node) {
    expects(option, node);
    const auto* count = std::get_if<std::int64_t>(&option.data);
    if (count == nullptr || *count < 0) return wrong_number(option);
    output(node).count = *count;
    output(node).count_position = option.value;
  }

  void wrong_number(const RawOption& option) {
    const auto* number = std::get_if<std::int64_t>(&option.data);
    if (number == nullptr) return wrong_type(option, "a number of rows");
    error(option.value,
          fmt::format("{} of {} must be at least 0, but is {}", named(option), title_, *number));
  }

  void read_rejects(const RawOption& option) {
    TestRejects rejects;
    rejects.position = option.value;
    if (const auto* table = std::get_if<RawTable>(&option.data)) {
      within_ = "rejects.";
      for (const RawOption& reason : *table) {
        const auto* count = std::get_if<std::int64_t>(&reason.data);
        if (count == nullptr || *count < 0) wrong_number(reason);
        else if (*count > 0) rejects.by_reason[reason.name] = *count;
      }
    } else {
      const auto* total = std::get_if<std::int64_t>(&option.data);
      if (total == nullptr)
        return wrong_type(option, "a number, or a table of reasons and numbers",
                          "write rejects = 1, or rejects = { \"reason\" = 1 }");
      if (*total < 0) return wrong_number(option);
      rejects.total = *total;
    }
    test_.rejects = std::move(rejects);
  }

  // ---- the whole test --------------------------------------------------------------------------

  void check_whole(const RawTable& table, const Position& position) {
    if (find_option(table, "inputs") == nullptr && find_option(table, "records") == nullptr) {
      error(position, title_ + " has no inputs",
            "add inputs.STAGE = [ { column = value, ... } ], or records.SOURCE = [ \"...\" ]");
    }
    if (expected_.empty() && !test_.rejects && !test_.error && !failed_) {
      error(position, title_ + " expects nothing, so it cannot fail",
            "add outputs.STAGE = [...], every.STAGE, counts.STAGE, rejects or error");
    }
    if (test_.error && !expected_.empty()) {
      error(expected_.front().position,
            title_ + " expects both an error and rows, but a partition that fails writes no rows",
            "split it into two tests");
    }
    if (graph_ == nullptr || failed_) return;
    for (const TestInput& input : test_.inputs) check_input(input);
    if (failed_) return;  // the expectations would repeat the same mistake
    for (const Expectation& expectation : expected_) check_expectation(expectation);
  }

  /// Rows of every input must reach an expectation, and come from one input only.
  void check_input(const TestInput& input) {
    const std::string& name = (*graph_)[input.node].name;
    for (const TestInput& other : test_.inputs) {
      if (&other == &input || !graph_->reaches(other.node, input.node)) continue;
      error(input.position,
            fmt::format("{} already gets rows from {}, in {}", in_quotes(name),
                        in_quotes((*graph_)[other.node].name), title_),
            "give inputs to only one of them");
    }
    const bool used =
        expected_.empty() || std::ranges::any_of(expected_, [&](const Expectation& expectation) {
          return graph_->reaches(input.node, expectation.node);
        });
    if (!used) {
      error(input.position,
            fmt::format("no rows of {} reach a stage that {} checks", in_quotes(name), title_));
    }
  }

  void check_expectation(const Expectation& expectation) {
    const std::string stage = in_quotes((*graph_)[expectation.node].name);
    bool reached = false;
    for (const TestInput& input : test_.inputs) {
      reached = reached || graph_->reaches(input.node, expectation.node);
      if (input.node == expectation.node && !input.raw) {
        return error(expectation.position,
                     fmt::format("{} both provides and expects the rows of {}", title_, stage),
                     "expect the rows of a stage behind it");
      }
    }
    if (reached) return;
    error(expectation.position, fmt::format("no inputs of {} reach {}", title_, stage));
  }

  const PipelineFile& file_;
  const Graph* graph_;
  Diagnostics& diagnostics_;
  PipelineTest test_;
  std::string title_;            // `test "name"`
  std::string within_;           // the key whose table is being read, with a dot
  std::set<std::string> given_;  // stages with inputs
  std::vector<Expectation> expected_;
  bool failed_ = false;
};

}  // namespace

std::span<const TestKey> test_keys() { return keys; }

std::vector<PipelineTest> read_tests(const PipelineFile& file, const Graph* graph,
                                     Diagnostics& diagnostics) {
  std::vector<PipelineTest> tests;
  if (!file.tests) return tests;
  const auto* items = std::get_if<RawList>(&file.tests->data);
  if (items == nullptr) {
    diagnostics.error(
        file.tests->key,
        fmt::format("\"tests\" must be an array of tables, not {}", type_name(file.tests->data)),
        "write [[tests]], in double brackets");
    return tests;
  }
  std::map<std::string, Position> names;
  std::size_t number = 0;
  for (const RawItem& item : *items) {
    ++number;
    const auto* table = std::get_if<RawTable>(&item.data);
    if (table == nullptr) {
      diagnostics.error(
          item.position,
          fmt::format("test {} must be a table, not {}", number, type_name(item.data)),
          "write [[tests]]");
      continue;
    }
    auto test = TestReader(file, graph, diagnostics).read(*table, item.position, number);
    if (!test) continue;
    const auto [first, fresh] = names.try_emplace(test->name, test->position);
    if (!fresh) {
      diagnostics.error(test->position,
                        fmt::format("there are two tests named {}: the other is at {}:{}:{}",
                                    in_quotes(test->name), first->second.file, first->second.line,
                                    first->second.column));
      continue;
    }
    tests.push_back(*std::move(test));
  }
  return tests;
}

void read_test_files(PipelineTest& test, const Graph& graph, Diagnostics& diagnostics) {
  const auto rows = [&](TestRows& of, NodeIndex node) {
    if (of.file.empty()) return;
    const Node& stage = graph[node];
    read_rows_file(of, stage.columns(),
                   fmt::format("{} {}", kind_name(stage.kind), in_quotes(stage.name)), diagnostics);
  };
  for (TestInput& input : test.inputs) {
    rows(input.rows, input.node);
    if (input.file.empty()) continue;
    try {
      input.records = lines_of(read_whole(input.file));
    } catch (const Error& error) {
      diagnostics.error(input.position, error.message());
    }
  }
  for (TestOutput& output : test.outputs) {
    if (output.rows) rows(*output.rows, output.node);
  }
}

}  // namespace etl::runtime
