#include "core/runtime/pipeline_tests/test_coverage.hpp"

#include "core/runtime/base/in_quotes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace etl::runtime {
namespace {

class CoverageCheck {
 public:
  CoverageCheck(const PipelineTest& test, std::span<const Expectation> expected,
                const std::string& title, const Graph& graph, Diagnostics& diagnostics)
      : test_(test), expected_(expected), title_(title), graph_(graph), diagnostics_(diagnostics) {}

  bool run() {
    for (const TestInput& input : test_.inputs) check_input(input);
    if (failed_) return false;  // the expectations would repeat the same mistake
    for (const Expectation& expectation : expected_) check_expectation(expectation);
    return !failed_;
  }

 private:
  void error(const Position& position, std::string_view message, std::string_view hint = {}) {
    failed_ = true;
    diagnostics_.error(position, message, hint);
  }

  void check_input(const TestInput& input) {
    const std::string& name = graph_[input.node].name;
    for (const TestInput& other : test_.inputs) {
      if (&other == &input || !graph_.reaches(other.node, input.node)) continue;
      error(input.position,
            fmt::format("{} already gets rows from {}, in {}", in_quotes(name),
                        in_quotes(graph_[other.node].name), title_),
            "give inputs to only one of them");
    }
    const bool used =
        expected_.empty() || std::ranges::any_of(expected_, [&](const Expectation& expectation) {
          return graph_.reaches(input.node, expectation.node);
        });
    if (!used) {
      error(input.position,
            fmt::format("no rows of {} reach a stage that {} checks", in_quotes(name), title_));
    }
  }

  void check_expectation(const Expectation& expectation) {
    bool reached = false;
    for (const TestInput& input : test_.inputs) {
      reached = reached || graph_.reaches(input.node, expectation.node);
      if (input.node == expectation.node && !input.raw) {
        return error(expectation.position,
                     fmt::format("{} both provides and expects the rows of {}", title_,
                                 in_quotes(expectation.stage)),
                     "expect the rows of a stage behind it");
      }
    }
    if (reached) return;
    error(expectation.position,
          fmt::format("no inputs of {} reach {}", title_, in_quotes(expectation.stage)));
  }

  const PipelineTest& test_;
  std::span<const Expectation> expected_;
  const std::string& title_;
  const Graph& graph_;
  Diagnostics& diagnostics_;
  bool failed_ = false;
};

}  // namespace

bool check_coverage(const PipelineTest& test, std::span<const Expectation> expected,
                    const std::string& title, const Graph& graph, Diagnostics& diagnostics) {
  return CoverageCheck(test, expected, title, graph, diagnostics).run();
}

}  // namespace etl::runtime
