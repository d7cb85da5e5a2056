/// \file
/// Runs one test of a pipeline file, with the code that a run uses and neither source nor sink
/// touched.
#pragma once

#include "core/runtime/base/cancellation.hpp"
#include "core/runtime/pipeline/pipeline.hpp"
#include "core/runtime/pipeline_tests/pipeline_tests.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>

namespace etl::runtime {

struct TestOutcome {
  bool passed = true;
  std::string message;  ///< what did not hold, with places and tables; several lines
  nlohmann::json differences = nlohmann::json::array();  ///< the same for programs
  std::chrono::nanoseconds took{};
};

/// Every input is one partition, as a run would read it: through the same stages, with the same
/// counts. It is done twice, without and with predicates of filters offered to the stages in front
/// of them; both must give the same. REQUIRES: the files of `test` have been read. Throws Error
/// (cancelled) when the run is to stop.
[[nodiscard]] TestOutcome run_test(const Pipeline& pipeline, const PipelineTest& test,
                                   const Cancellation& cancellation);

}  // namespace etl::runtime
