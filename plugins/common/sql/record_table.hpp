/// \file
/// Tables of records whose columns the SDK lists: the ledger and the running table.
#pragma once

#include "plugins/common/sql/session.hpp"
#include "plugins/common/sql/table_definition.hpp"
#include "plugins/common/sql/timestamp_text.hpp"

#include <etl/error.hpp>
#include <etl/record_column.hpp>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sql {

template <class Record>
using Columns = std::span<const etl::RecordColumn<Record>>;

template <class Record>
TableDefinition define_records(const Dialect& dialect, std::string schema, std::string_view table,
                               std::string shown, Columns<Record> columns) {
  std::vector<etl::Field> fields;
  etl::Strings key;
  for (const auto& column : columns) {
    const etl::Type type = column.kind == etl::ColumnKind::text      ? etl::Type::utf8
                           : column.kind == etl::ColumnKind::integer ? etl::Type::int64
                                                                     : etl::Type::timestamp_us;
    fields.push_back({std::string(column.name), type, column.role == etl::ColumnRole::nullable});
    if (column.role == etl::ColumnRole::key) key.emplace_back(column.name);
  }
  return {&dialect,
          std::move(schema),
          std::string(table),
          std::move(shown),
          etl::Schema(std::move(fields)),
          std::move(key)};
}

/// Appends the parameters of TableDefinition::insert_sql(). `now` is the value of an age column.
template <class Record>
void append_values(std::vector<Value>& values, Columns<Record> columns, const Record& record,
                   const Dialect& dialect, Time now = {}) {
  for (const auto& column : columns) {
    if (column.null(record)) {
      values.emplace_back(nullptr);
    } else if (column.kind == etl::ColumnKind::text) {
      const std::string_view text = column.text(record);
      values.emplace_back(column.role == etl::ColumnRole::key ? std::string(text)
                                                              : dialect.storable(text));
    } else if (column.kind == etl::ColumnKind::integer) {
      values.emplace_back(column.integer(record));
    } else {
      values.emplace_back(column.kind == etl::ColumnKind::age ? now : Time{column.integer(record)});
    }
  }
}

/// A time as Dialect::time_text has it. Throws Error (permanent) naming `where` otherwise.
inline std::int64_t read_time(std::string_view text, const std::string& where) {
  if (const auto micros = parse_timestamp(text)) return *micros;
  throw etl::Error::permanent(where + " has the unreadable time \"" + std::string(text) + "\"");
}

/// Reads a row of TableDefinition::select_list(). For an age column the record gets the stored
/// time; the caller turns it into an age.
template <class Record>
Record read_record(const Row& row, Columns<Record> columns, const TableDefinition& table) {
  Record record;
  for (int i = 0; i < static_cast<int>(columns.size()); ++i) {
    const auto& column = columns[static_cast<std::size_t>(i)];
    if (column.role == etl::ColumnRole::nullable && row.null(i)) continue;
    if (column.kind == etl::ColumnKind::text) {
      column.set(record, row.text(i));
    } else if (column.kind == etl::ColumnKind::integer) {
      column.set(record, row.integer(i));
    } else {
      column.set(record,
                 read_time(row.text(i), table.shown + ", partition " + record.partition + ","));
    }
  }
  return record;
}

/// All records of a pipeline and sink, in the order of the key.
template <class Record>
std::vector<Record> read_records(Session& session, Columns<Record> columns,
                                 const TableDefinition& table, std::string_view pipeline,
                                 std::string_view sink) {
  const auto placeholder = table.dialect->placeholder;
  const std::string text = "SELECT " + table.select_list() + " FROM " + table.sql_name() +
                           " WHERE \"pipeline\" = " + placeholder(1) +
                           " AND \"sink\" = " + placeholder(2) + " ORDER BY " +
                           column_list(table.key);
  std::vector<Record> records;
  session.query("reading " + table.table, text,
                std::array<Value, 2>{std::string(pipeline), std::string(sink)},
                [&](const Row& row) { records.push_back(read_record(row, columns, table)); });
  return records;
}

}  // namespace sql
