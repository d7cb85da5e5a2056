/// \file
/// The table that maps SQLite's result codes to etl::Code, which decides what is retried.
#pragma once

#include <etl/error.hpp>

#include <sqlite3.h>

#include <span>

namespace sqlite {

/// A result code (primary or extended, https://www.sqlite.org/rescode.html) and its meaning for the
/// partition.
struct ResultCode {
  int code;
  const char* name;
  etl::Code meaning;
};

/// The table. A test compares sqlite.md with it.
[[nodiscard]] std::span<const ResultCode> result_codes();

/// The row for `code`. An extended code without a row is treated as its primary code; a primary code
/// without one is permanent.
[[nodiscard]] ResultCode result_code(int code);

/// The error for a call that returned `code`: SQLite's message (which names table and column of a
/// violated constraint), the code's name and number and, after a failed system call, the system's
/// reason. `handle` may be null. The caller adds the operation and the file.
[[nodiscard]] etl::Error error_from(sqlite3* handle, int code);

}  // namespace sqlite
