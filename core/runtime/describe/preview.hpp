/// \file
/// `etl preview`: the first rows that leave a stage or reach a sink. Touches no sink.
#pragma once

#include "core/runtime/pipeline/pipeline.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <vector>

namespace etl::runtime {

/// Rows and their columns.
struct Preview {
  Schema schema;
  std::vector<nlohmann::json> rows;  ///< arrays of one value per column; timestamps as text
};

/// Reads partitions in the order of the plan until there are `rows` rows. Skips missing partitions.
/// Throws StageError.
Preview preview(const Pipeline& pipeline, NodeIndex stage, std::int64_t rows,
                Cancellation& cancellation, Log& log);

}  // namespace etl::runtime
