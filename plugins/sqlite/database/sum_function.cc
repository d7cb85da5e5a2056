#include "plugins/sqlite/database/sum_function.hpp"

#include <cmath>

namespace sqlite {
namespace {

// Called from C: must not throw.
void sum(sqlite3_context* out, int /*count*/, sqlite3_value** values) noexcept {
  const int a = sqlite3_value_type(values[0]);
  const int b = sqlite3_value_type(values[1]);
  if (a == SQLITE_NULL || b == SQLITE_NULL) return;  // the result is NULL
  if (a == SQLITE_INTEGER && b == SQLITE_INTEGER) {
    sqlite3_int64 result = 0;
    if (__builtin_add_overflow(sqlite3_value_int64(values[0]), sqlite3_value_int64(values[1]),
                               &result)) {
      return sqlite3_result_error(out, "a sum exceeds 64 bits", -1);
    }
    return sqlite3_result_int64(out, result);
  }
  const double result = sqlite3_value_double(values[0]) + sqlite3_value_double(values[1]);
  if (std::isnan(result)) return sqlite3_result_error(out, "a sum of opposite infinities", -1);
  sqlite3_result_double(out, result);
}

}  // namespace

int define_sum(sqlite3* handle) {
  return sqlite3_create_function_v2(handle, "etl_sum", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                    nullptr, &sum, nullptr, nullptr, nullptr);
}

}  // namespace sqlite
