/// \file
/// Rows as plain values, converted from pipeline files and from and to batches. For tests, which
/// have few rows.
#pragma once

#include "core/runtime/config/document.hpp"

#include <etl/batch.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace etl::runtime {

/// One value. std::monostate is null; timestamps are integers in the unit of their column.
using Cell = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
/// One cell per column.
using Row = std::vector<Cell>;
/// A row with values for some columns only.
using PartialRow = std::vector<std::optional<Cell>>;

/// Whether two cells are equal; NaN equals NaN.
[[nodiscard]] bool same(const Cell& one, const Cell& other);

/// Extracts one row of a batch.
[[nodiscard]] Row row_of(const Batch& batch, std::size_t row);

/// Makes a batch. Missing values are null, or 0, false, "" or 1970-01-01 in a column that is not
/// nullable. REQUIRES: every cell has its column's type.
[[nodiscard]] Batch batch_of(const std::shared_ptr<const Schema>& schema,
                             std::span<const PartialRow> rows);

/// Converts a value of a pipeline file to the column's type; `{ null = true }` is null. A timestamp
/// may be a date-time, a date, or either as a string. Returns the mistake if there is one: `must be
/// an integer, not a string`.
[[nodiscard]] std::variant<Cell, std::string> cell_from(const RawValue& value, const Field& field);

/// Formats a cell for people: `NULL`, `2`, `2016-08-27 21:00:00`, `"text"`.
[[nodiscard]] std::string cell_text(const Cell& cell, Type type);

/// Converts a cell to JSON, with timestamps and binary values as text.
[[nodiscard]] nlohmann::json cell_json(const Cell& cell, Type type);

/// Formats a timestamp as "2016-08-27 21:00:00", with ".000001" if there is a fraction. REQUIRES:
/// `type` is a timestamp type.
[[nodiscard]] std::string time_text(std::int64_t value, Type type);

}  // namespace etl::runtime
