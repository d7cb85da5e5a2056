/// \file
/// Which instructions may be used.
#pragma once

#if defined(__x86_64__)
#define WIKIPEDIA_AVX2 1
#else
#define WIKIPEDIA_AVX2 0
#endif

namespace wikipedia {

/// Asked once a call of a function that works on whole blocks, so it need not be remembered.
[[nodiscard]] inline bool has_avx2() {
#if WIKIPEDIA_AVX2
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}

}  // namespace wikipedia
