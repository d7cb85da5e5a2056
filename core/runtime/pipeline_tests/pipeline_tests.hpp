/// \file
/// The tests that a pipeline file carries: `[[tests]]`.
///
/// A test gives rows (or raw records) in place of what some stages give, and says what is to leave
/// or reach others. See docs/testing-pipelines.md.
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
/// All of them; `etl schema` shows them too.
[[nodiscard]] std::span<const TestKey> test_keys();

/// Rows as a test writes them.
struct TestRows {
  Position position;
  std::filesystem::path file;  ///< where they are, if not here; absolute
  std::vector<PartialRow> rows;
  std::vector<Position> places;  ///< of each row
};

/// What stands in for a stage.
struct TestInput {
  NodeIndex node = 0;
  Position position;
  bool raw = false;                  ///< records for the source to read, else rows
  TestRows rows;                     ///< rows
  std::filesystem::path file;        ///< records: where they are, if not here; absolute
  std::vector<std::string> records;  ///< records
};

/// What is to leave a stage, or to reach a sink. What is not said is not looked at.
struct TestOutput {
  NodeIndex node = 0;
  std::optional<TestRows> rows;   ///< these, in this order
  std::optional<TestRows> every;  ///< one row: what each is like
  std::optional<std::int64_t> count;
  Position count_position;
};

struct TestRejects {
  Position position;
  std::optional<std::int64_t> total;
  std::map<std::string, std::int64_t> by_reason;  ///< where there is no total
};

struct PipelineTest {
  std::string name;
  Position position;
  std::string partition;          ///< id of the partition that the inputs are
  std::vector<TestInput> inputs;  ///< in the order in which a run would read them
  std::vector<TestOutput> outputs;
  std::optional<TestRejects> rejects;
  std::optional<std::string> error;  ///< what the message of the failure contains
  Position error_position;
};

/// Reads and checks the tests of a file. Reports every mistake; what has one is left out. Where
/// `graph` is nullptr, for the stages have mistakes, what needs columns is not checked, and there
/// are no tests. Reads no other file.
[[nodiscard]] std::vector<PipelineTest> read_tests(const PipelineFile& file, const Graph* graph,
                                                   Diagnostics& diagnostics);

/// Reads the files that a test names. Reports what is wrong with them.
void read_test_files(PipelineTest& test, const Graph& graph, Diagnostics& diagnostics);

}  // namespace etl::runtime
