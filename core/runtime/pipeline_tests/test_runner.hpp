/// \file
/// Running a test with the code of a run, without touching sources or sinks.
#pragma once

#include "core/runtime/base/cancellation.hpp"
#include "core/runtime/pipeline/pipeline.hpp"
#include "core/runtime/pipeline_tests/pipeline_tests.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>

namespace etl::runtime {

/// The result of a test.
struct TestOutcome {
  bool passed = true;
  std::string message;  ///< why it failed, with positions and tables; several lines
  nlohmann::json differences = nlohmann::json::array();  ///< the same for programs
  std::chrono::nanoseconds took{};
};

/// Runs every input as one partition through the same stages, with the same counts, as a run. Does
/// so twice, without and with predicate pushdown; both must give the same result. REQUIRES: the
/// files of `test` have been read. Throws Error (cancelled) if a stop is requested.
[[nodiscard]] TestOutcome run_test(const Pipeline& pipeline, const PipelineTest& test,
                                   const Cancellation& cancellation);

}  // namespace etl::runtime
