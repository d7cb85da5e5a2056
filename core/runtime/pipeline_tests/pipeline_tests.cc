#include "core/runtime/pipeline_tests/pipeline_tests.hpp"

#include "core/runtime/base/descriptor.hpp"
#include "core/runtime/base/in_quotes.hpp"
#include "core/runtime/pipeline_tests/test_reader.hpp"
#include "core/runtime/pipeline_tests/test_row_reader.hpp"

#include <fmt/format.h>

namespace etl::runtime {

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
    auto test = read_test(*table, item.position, number, file, graph, diagnostics);
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
    read_rows_file(of, stage.kind == Kind::sink ? stage.in : stage.out,
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
