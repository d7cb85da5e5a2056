/// \file
/// Rows and time of one stage.
#pragma once

#include <chrono>
#include <cstdint>

namespace etl::runtime {

/// Of one partition, or summed over many.
struct StageCounts {
  std::int64_t rows_in = 0;
  std::int64_t rows_out = 0;
  std::int64_t rejected = 0;
  std::chrono::nanoseconds busy{0};

  StageCounts& operator+=(const StageCounts& other) {
    rows_in += other.rows_in;
    rows_out += other.rows_out;
    rejected += other.rejected;
    busy += other.busy;
    return *this;
  }
};

}  // namespace etl::runtime
