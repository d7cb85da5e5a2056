/// \file
/// `etl preview`: the first rows that leave a stage (or arrive at a sink). Touches no sink.
#pragma once

#include "core/runtime/pipeline/pipeline.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace etl::runtime {

struct Preview {
  Schema schema;
  std::vector<nlohmann::json> rows;  ///< each an array, one value a column; timestamps as text
};

/// Reads partitions in the order of the plan until there are `rows` rows. A missing partition is
/// passed over. Throws StageError.
Preview preview(const Pipeline& pipeline, NodeIndex stage, std::int64_t rows,
                Cancellation& cancellation, Log& log);

}  // namespace etl::runtime
