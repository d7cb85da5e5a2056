/// \file
/// The tests in a pipeline file: `[[tests]]`.
///
/// A test replaces the output of some stages with rows (or gives a source raw records), and says
/// which rows must leave other stages. See docs/testing-pipelines.md.
#pragma once

#include "core/runtime/config/diagnostics.hpp"
#include "core/runtime/config/pipeline_file.hpp"
#include "core/runtime/pipeline/graph.hpp"
#include "core/runtime/pipeline_tests/row_values.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// A key of a `[[tests]]` table.
struct TestKey {
  std::string_view name, help;
};
/// All keys; `etl schema` lists them too.
[[nodiscard]] std::span<const TestKey> test_keys();

/// Rows that a test provides or expects.
struct TestRows {
  Position position;
  std::filesystem::path file;  ///< absolute path of the rows, if they are not inline
  std::vector<PartialRow> rows;
  std::vector<Position> positions;  ///< of each row
};

/// Rows or records that a test provides in place of a stage's own.
struct TestInput {
  NodeIndex node = 0;
  Position position;
  bool raw = false;  ///< raw records for the source to read, instead of rows
  TestRows rows;
  std::filesystem::path file;  ///< absolute path of the records, if they are not inline
  std::vector<std::string> records;
};

/// What a stage must output, or a sink receive. Unset members are not checked.
struct TestOutput {
  NodeIndex node = 0;
  std::optional<TestRows> rows;   ///< exactly these rows, in this order
  std::optional<TestRows> every;  ///< one row that each must match
  std::optional<std::int64_t> count;
  Position count_position;
};

/// The rejects that a test expects.
struct TestRejects {
  Position position;
  std::optional<std::int64_t> total;
  std::map<std::string, std::int64_t> by_reason;  ///< used without a total
};

/// One test.
struct PipelineTest {
  std::string name;
  Position position;
  std::string partition;          ///< id of the partition that the inputs belong to
  std::vector<TestInput> inputs;  ///< in the order of the stages
  std::vector<TestOutput> outputs;
  std::optional<TestRejects> rejects;
  std::optional<std::string> error;  ///< text that the failure's message contains
  Position error_position;
};

/// Reads and checks the tests of a file. Reports every mistake and omits tests that have one. If
/// `graph` is nullptr, because the stages have mistakes, skips checks that need columns and returns
/// no tests. Reads no other file.
[[nodiscard]] std::vector<PipelineTest> read_tests(const PipelineFile& file, const Graph* graph,
                                                   Diagnostics& diagnostics);

/// Reads the files that a test refers to. Reports mistakes in them.
void read_test_files(PipelineTest& test, const Graph& graph, Diagnostics& diagnostics);

}  // namespace etl::runtime
