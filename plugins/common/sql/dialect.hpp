/// \file
/// The differences between databases that the shared SQL code has to know.
#pragma once

#include "plugins/common/sql/session.hpp"

#include <etl/schema.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace sql {

struct TableDefinition;

/// Describes the SQL of one database. A constant; safe to use from any thread.
struct Dialect {
  /// Left out of CREATE TABLE, where it is implied; empty if there is no such schema.
  std::string_view default_schema;
  /// The n-th parameter, counted from 1. Statements use each parameter once and in order.
  std::string (*placeholder)(std::size_t number);
  /// The type of a new column.
  std::string_view (*type)(etl::Type type);
  /// Whether an existing column of type `declared` returns every value as it was written.
  bool (*keeps)(std::string_view declared, etl::Type type);
  /// Whether the database treats two column names as the same.
  bool (*same_name)(std::string_view a, std::string_view b);
  /// What follows the closing parenthesis of CREATE TABLE.
  std::string_view (*table_suffix)(const TableDefinition& table);

  /// A timestamp expression as text, `YYYY-MM-DD HH:MM:SS.ffffff` UTC.
  std::string (*time_text)(const std::string& expression);
  /// The current time, not that of the transaction's start.
  std::string_view now;
  /// The parameter that equals a timestamp column written by a load. Nothing if out of range.
  std::optional<Value> (*timestamp)(etl::Type type, std::int64_t value);
  /// A text without bytes that the database refuses, for texts that people read. Names that
  /// identify a record are never altered.
  std::string (*storable)(std::string_view text);

  /// The end of an INSERT that replaces all columns but the key of an existing row, if `condition`
  /// holds for that row (empty = always).
  std::string (*upsert)(const TableDefinition& table, std::string_view condition);
  /// What follows a comparison of texts, so that only equal bytes are equal, whatever the column's
  /// collation is.
  std::string_view exact_text;
  /// The sum of two numbers, which fails if it does not fit.
  std::string (*sum)(const std::string& a, const std::string& b);
  /// The end of a SELECT that locks its rows until the end of the transaction.
  std::string_view for_update;
};

}  // namespace sql
