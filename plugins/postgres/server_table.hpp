/// \file
/// A table as the server has it, and whether rows that are loaded into it stay as they were sent.
#pragma once

#include "plugins/common/sql/table_definition.hpp"
#include "plugins/postgres/connection/connection.hpp"

#include <optional>
#include <string>
#include <vector>

namespace postgres {

/// What a load has to know of an existing table.
struct ServerTable {
  /// The triggers that inserted or updated rows fire, as `"a", "b"`: only the rows themselves show
  /// whether they drop or change some. Empty if there are none.
  std::string triggers;
  /// For each column of the definition, the most characters that it keeps; 0 = no limit.
  std::vector<std::size_t> lengths;
};

/// Reads the table; nothing if there is none. Throws Error (config, about "table") if it does not
/// fit: see sql::require_fit(). Beyond that, it must be a table of this database or partitions of
/// one, as durable as the ledger, with rows that no policy hides, and a key whose collations tell
/// all texts apart.
[[nodiscard]] std::optional<ServerTable> read_table(Connection& connection,
                                                    const sql::TableDefinition& table);

}  // namespace postgres
