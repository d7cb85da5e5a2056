/// \file
/// What follows from an SQLite result code: the one table that decides what is tried again.
#pragma once

#include <etl/error.hpp>

#include <sqlite3.h>

#include <span>

namespace sqlite {

/// A result code (primary or extended, https://www.sqlite.org/rescode.html) and what it means for a
/// partition that met it.
struct ResultCode {
  int code;
  const char* name;
  etl::Code meaning;
};

/// The whole table; a test compares sqlite.md with it.
[[nodiscard]] std::span<const ResultCode> result_codes();

/// The row of the table for `code`. An extended code that has none is treated as its primary code;
/// a primary code that has none is permanent.
[[nodiscard]] ResultCode result_code(int code);

/// The error for a call that returned `code`: SQLite's own text (which names table and column of a
/// violated constraint), the code's name and number and, where the system is to blame, its reason.
/// `handle` may be null. The caller adds what was being done, to which file.
[[nodiscard]] etl::Error error_from(sqlite3* handle, int code);

}  // namespace sqlite
