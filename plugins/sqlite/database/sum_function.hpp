/// \file
/// etl_sum(a, b): a sum that fails where SQLite's own would turn an integer into a float.
#pragma once

#include <sqlite3.h>

namespace sqlite {

/// Defines the function for a connection. Returns a result code.
int define_sum(sqlite3* handle);

}  // namespace sqlite
