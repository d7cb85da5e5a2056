/// \file
/// PostgreSQL's SQL, for the code that SQL sinks share.
#pragma once

#include "plugins/common/sql/dialect.hpp"

namespace postgres {

[[nodiscard]] const sql::Dialect& dialect();

}  // namespace postgres
