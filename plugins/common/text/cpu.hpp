/// \file
/// Detection of vector instructions.
#pragma once

#include <cstdlib>
#include <string_view>

#if defined(__x86_64__)
#define ETL_AVX2 1
#else
#define ETL_AVX2 0
#endif

namespace text {

/// Returns whether the processor has AVX2 with BMI and POPCNT and `ETL_NO_AVX2=1` is not set.
/// Determined once.
[[nodiscard]] inline bool has_avx2() {
#if ETL_AVX2
  static const bool wanted = [] {
    const char* off = std::getenv("ETL_NO_AVX2");
    return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0 &&
           __builtin_cpu_supports("popcnt") != 0 &&
           (off == nullptr || std::string_view(off) != "1");
  }();
  return wanted;
#else
  return false;
#endif
}

}  // namespace text
