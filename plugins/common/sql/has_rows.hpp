/// \file
/// Whether a table has rows.
#pragma once

#include "plugins/common/sql/table_definition.hpp"

#include <string_view>

namespace sql {

/// Whether the table has a row for which `condition`, an SQL expression, is true. Reads one row.
[[nodiscard]] bool has_rows(Session& session, const TableDefinition& table,
                            std::string_view condition = "true");

}  // namespace sql
