/// \file
/// What a table must be like for the rows, and what the server has.
#pragma once

#include "connection.hpp"
#include "identifier.hpp"

#include <etl/options.hpp>
#include <etl/schema.hpp>

#include <string>

namespace postgres {

/// A table that rows of `schema` can be copied into. A plain value; the functions that take a
/// connection run statements on it, in the transaction that may be open there.
struct TableDefinition {
  TableName name;  ///< with its schema
  etl::Schema schema;
  etl::Strings key;  ///< unique together; empty = no such demand

  /// The statement that creates it.
  [[nodiscard]] std::string ddl() const;

  [[nodiscard]] bool exists(Connection& connection) const;

  /// REQUIRES: it exists. Throws Error (config, about "table") naming every column that is missing
  /// or of another type, every column that must get a value and gets none, and a missing unique
  /// key.
  void require_fit(Connection& connection) const;
};

/// The names of a schema's columns, quoted, separated by commas.
[[nodiscard]] std::string column_list(const etl::Schema& schema);
[[nodiscard]] std::string column_list(const etl::Strings& columns);

/// `name` with the schema in which the server finds it, or would create it. Throws Error (config,
/// about "table") when there is no such schema.
[[nodiscard]] TableName resolve(Connection& connection, const TableName& name);

}  // namespace postgres
