/// \file
/// RecordColumn: a column of the tables that a sink keeps beside its data, `etl_ledger` and
/// `etl_running`, and the member of the record it holds. Sinks create, write and read both tables
/// in loops over ledger_columns and running_columns.
#pragma once

#include <etl/partition.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace etl::inline v1 {

/// The type of a column, which each database spells in its own way.
enum class ColumnKind {
  text,
  integer,  ///< 64 bits
  time,     ///< the record has microseconds since 1970-01-01 UTC
  age       ///< a time, written as the database's current time; the record has microseconds since
};

enum class ColumnRole {
  plain,    ///< NOT NULL
  key,      ///< NOT NULL, part of the primary key
  nullable  ///< NULL stands for an empty text or a negative number
};

/// A column of a table of `Record`s. A constant; safe to use from any thread.
template <class Record>
struct RecordColumn {
  using Member = std::variant<std::string Record::*, std::int64_t Record::*,
                              std::uint32_t Record::*, State Record::*>;

  std::string_view name;
  ColumnKind kind = ColumnKind::text;
  Member member;
  ColumnRole role = ColumnRole::plain;

  /// The value of a column of text; borrows from `record`.
  [[nodiscard]] std::string_view text(const Record& record) const {
    if (const auto* state = std::get_if<State Record::*>(&member)) {
      return state_name(record.**state);
    }
    return record.*std::get<std::string Record::*>(member);
  }

  /// The value of any other column.
  [[nodiscard]] std::int64_t integer(const Record& record) const {
    if (const auto* small = std::get_if<std::uint32_t Record::*>(&member)) return record.**small;
    return record.*std::get<std::int64_t Record::*>(member);
  }

  /// Whether the table has NULL for this record.
  [[nodiscard]] bool null(const Record& record) const {
    if (role != ColumnRole::nullable) return false;
    return kind == ColumnKind::text ? text(record).empty() : integer(record) < 0;
  }

  /// Sets a column of text. For NULL call neither set(): a new record has the value it stands for.
  /// Throws Error (permanent) for an unknown state.
  void set(Record& record, std::string_view value) const {
    if (const auto* state = std::get_if<State Record::*>(&member)) {
      record.** state = state_from(value);
    } else {
      record.*std::get<std::string Record::*>(member) = value;
    }
  }

  /// Sets any other column.
  void set(Record& record, std::int64_t value) const {
    if (const auto* small = std::get_if<std::uint32_t Record::*>(&member)) {
      record.** small = static_cast<std::uint32_t>(value);
    } else {
      record.*std::get<std::int64_t Record::*>(member) = value;
    }
  }
};

}  // namespace etl::inline v1
