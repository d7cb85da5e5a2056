/// \file
/// The connection of a sink as the shared SQL code sees it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace sql {

/// Microseconds since 1970-01-01 UTC, for a parameter of the database's own timestamp type.
struct Time {
  std::int64_t micros = 0;
};

/// A parameter of a statement; nullptr is NULL.
using Value = std::variant<std::nullptr_t, std::int64_t, std::string, Time>;

/// A row of a result, valid until the function that was given it returns. Columns count from 0.
class Row {
 public:
  virtual ~Row() = default;
  [[nodiscard]] virtual bool null(int column) const = 0;
  [[nodiscard]] virtual std::int64_t integer(int column) const = 0;
  /// Empty for NULL. Borrowed from the row.
  [[nodiscard]] virtual std::string_view text(int column) const = 0;
};

/// One connection. Used by one thread at a time; the caller begins and ends transactions.
class Session {
 public:
  using OnRow = std::function<void(const Row&)>;

  virtual ~Session() = default;
  /// Runs one statement and passes each row of its result to `on_row`. Returns the number of rows
  /// that an INSERT, UPDATE or DELETE changed. `doing` names the operation in errors: "reading
  /// etl_ledger".
  virtual std::int64_t query(std::string_view doing, const std::string& text,
                             std::span<const Value> params, const OnRow& on_row = nullptr) = 0;
};

}  // namespace sql
