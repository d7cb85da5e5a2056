/// \file
/// Reading one test from its `[[tests]]` table. Internal to pipeline_tests.cc.
#pragma once

#include "core/runtime/pipeline_tests/pipeline_tests.hpp"

#include <optional>

namespace etl::runtime {

/// Reads and checks the `number`-th test. Reports every mistake; returns nothing if there is one,
/// or if `graph` is nullptr.
[[nodiscard]] std::optional<PipelineTest> read_test(const RawTable& table, const Position& position,
                                                    std::size_t number, const PipelineFile& file,
                                                    const Graph* graph, Diagnostics& diagnostics);

}  // namespace etl::runtime
