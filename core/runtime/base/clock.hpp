/// \file
/// Wall-clock time in the ledger's unit.
#pragma once

#include <chrono>
#include <cstdint>

namespace etl::runtime {

/// Microseconds since 1970-01-01 UTC.
inline std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace etl::runtime
