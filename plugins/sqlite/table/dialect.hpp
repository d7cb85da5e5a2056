/// \file
/// SQLite's SQL, for the code that SQL sinks share.
#pragma once

#include "plugins/common/sql/dialect.hpp"

#include <string_view>

namespace sqlite {

/// How timestamps are stored: as the text that SQLite's own functions write, or as an integer in
/// the column's unit.
enum class Timestamps { text, unix };

/// The ledger's timestamps are always Timestamps::text.
[[nodiscard]] const sql::Dialect& dialect(Timestamps timestamps = Timestamps::text);

/// Equal as SQLite compares the names of tables and columns: ignoring the case of ASCII letters.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b);

}  // namespace sqlite
