/// \file
/// Rows as values of their own: out of a batch, out of a pipeline file, into a batch. For tests,
/// where rows are few.
#pragma once

#include "core/runtime/config/document.hpp"

#include <etl/batch.hpp>

#include <nlohmann/json.hpp>

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
/// One cell a column.
using Row = std::vector<Cell>;
/// A row of which only some columns are said.
using PartialRow = std::vector<std::optional<Cell>>;

/// Equal; a NaN is equal to another.
[[nodiscard]] bool same(const Cell& one, const Cell& other);

/// One row of a batch.
[[nodiscard]] Row row_of(const Batch& batch, std::size_t row);

/// A batch of these rows. What a row does not say is null, or where the column cannot be null, 0,
/// false, "" or 1970-01-01. REQUIRES: every cell is of its column's type.
[[nodiscard]] Batch batch_of(const std::shared_ptr<const Schema>& schema,
                             std::span<const PartialRow> rows);

/// A value of a pipeline file as one of this column; `{ null = true }` is null. A timestamp may be
/// a date-time, a date, or one of them as text. Otherwise what is wrong: `must be an integer, not a
/// string`.
[[nodiscard]] std::variant<Cell, std::string> cell_from(const RawValue& value, const Field& field);

/// As people read it: `NULL`, `2`, `2016-08-27 21:00:00`, and text in quotes where it would be
/// misread without.
[[nodiscard]] std::string cell_text(const Cell& cell, Type type);

/// The same for programs: JSON's own types, timestamps and binary values as text.
[[nodiscard]] nlohmann::json cell_json(const Cell& cell, Type type);

/// "2016-08-27 21:00:00", with ".000001" where there is a fraction. `type` is a timestamp's.
[[nodiscard]] std::string time_text(std::int64_t value, Type type);

}  // namespace etl::runtime
