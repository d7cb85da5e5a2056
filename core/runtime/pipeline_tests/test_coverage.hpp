/// \file
/// Whether the inputs and the expectations of a test belong together. Internal to test_reader.cc.
#pragma once

#include "core/runtime/pipeline_tests/pipeline_tests.hpp"

#include <span>
#include <string>

namespace etl::runtime {

/// A stage whose rows a test expects.
struct Expectation {
  NodeIndex node;
  std::string stage;
  Position position;
};

/// Checks that rows of every input reach an expectation, and that every expectation is reached.
/// Reports mistakes, with `title` for the test; returns whether there were none.
[[nodiscard]] bool check_coverage(const PipelineTest& test, std::span<const Expectation> expected,
                                  const std::string& title, const Graph& graph,
                                  Diagnostics& diagnostics);

}  // namespace etl::runtime
