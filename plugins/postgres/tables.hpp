/// \file
/// The tables that a sink uses on the server.
#pragma once

#include "plugins/common/sql/table_definition.hpp"
#include "plugins/postgres/connection/connection.hpp"
#include "plugins/postgres/identifier.hpp"

#include <etl/options.hpp>
#include <etl/schema.hpp>

#include <string>

namespace postgres {

/// A table that rows of `schema` can be copied into. REQUIRES: `name` has its schema.
[[nodiscard]] sql::TableDefinition define_table(const TableName& name, const etl::Schema& schema,
                                                const etl::Strings& key);
/// The ledger and the running table in a schema of the server.
[[nodiscard]] sql::TableDefinition define_ledger(const std::string& schema);
[[nodiscard]] sql::TableDefinition define_running(const std::string& schema);

/// Throws Error (config, about "table") if the name is that of a view or of anything else that is
/// not a table of this database.
[[nodiscard]] bool exists(Connection& connection, const sql::TableDefinition& table);

/// `name` with the schema in which the server finds it, or would create it. Throws Error (config,
/// about "table") if there is no such schema.
[[nodiscard]] TableName resolve(Connection& connection, const TableName& name);

}  // namespace postgres
