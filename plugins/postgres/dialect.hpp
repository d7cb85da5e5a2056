/// \file
/// PostgreSQL's SQL, for the code that SQL sinks share.
#pragma once

#include "sql/dialect.hpp"

namespace postgres {

[[nodiscard]] const sql::Dialect& dialect();

}  // namespace postgres
