#include "core/runtime/pipeline_tests/row_values.hpp"

#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/config/diagnostics.hpp"

#include <etl/builder.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>

namespace etl::runtime {
namespace {

constexpr std::int64_t second_us = 1'000'000;

/// `T`: how the column stores a value; `As`: the type of the cell.
template <class T, class As = T>
Cell cell_as(const Batch& batch, std::size_t column, std::size_t row) {
  const Column<T> values = batch.column<T>(column);
  return values.null(row) ? Cell() : Cell(As(values[row]));
}

Cell cell_of(const Batch& batch, std::size_t column, std::size_t row) {
  switch (batch.schema()[column].type) {
    case Type::boolean:
      return cell_as<bool>(batch, column, row);
    case Type::int32:
      return cell_as<std::int32_t, std::int64_t>(batch, column, row);
    case Type::float64:
      return cell_as<double>(batch, column, row);
    case Type::int64:
    case Type::timestamp_s:
    case Type::timestamp_us:
      return cell_as<std::int64_t>(batch, column, row);
    default:
      return cell_as<std::string_view, std::string>(batch, column, row);
  }
}

/// The value of a column that a row does not give.
Cell default_cell(const Field& field) {
  if (field.nullable) return std::monostate();
  switch (field.type) {
    case Type::boolean:
      return false;
    case Type::float64:
      return 0.0;
    case Type::int32:
    case Type::int64:
    case Type::timestamp_s:
    case Type::timestamp_us:
      return std::int64_t{0};
    default:
      return std::string();
  }
}

/// A column of string views. One buffer holds all texts after its own size, which the format wants
/// as the last buffer.
/// https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout
detail::OwnedArray view_column(std::span<const Cell> cells) {
  auto out = std::make_unique<detail::ColumnExport>();
  const auto rows = static_cast<std::int64_t>(cells.size());
  std::byte* valid = out->validity.extend(detail::bitmap_bytes(rows) + 1);
  std::fill_n(valid, out->validity.size(), std::byte{0});
  out->offsets.push(std::int64_t{0});
  std::int64_t nulls = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    detail::TextView view{};
    if (const auto* text = std::get_if<std::string>(&cells[static_cast<std::size_t>(row)])) {
      detail::set_bit(valid, row);
      view.size = static_cast<std::int32_t>(text->size());
      if (text->size() <= sizeof view.inlined) {
        std::memcpy(static_cast<char*>(view.inlined), text->data(), text->size());
      } else {
        std::memcpy(static_cast<char*>(view.far.prefix), text->data(), sizeof view.far.prefix);
        view.far.offset = static_cast<std::int32_t>(out->offsets.size());
        out->offsets.append(text->data(), text->size());
      }
    } else {
      ++nulls;
    }
    out->data.push(view);
  }
  out->data.reserve(1);  // an empty buffer still needs an address
  const auto size = static_cast<std::int64_t>(out->offsets.size());
  std::memcpy(out->offsets.data(), &size, sizeof size);
  out->pointers = {nulls == 0 ? nullptr : out->validity.data(), out->data.data(),
                   out->offsets.data(), out->offsets.data()};
  ArrowArray array;
  detail::ColumnExport::give(std::move(out), rows, nulls, &array);
  return detail::OwnedArray(&array);
}

detail::OwnedArray column_of(std::span<const Cell> cells, Type type) {
  if (type == Type::utf8_view) return view_column(cells);
  detail::ColumnBuilder builder(type);
  for (const Cell& cell : cells) {
    std::visit(
        [&](const auto& value) {
          if constexpr (std::same_as<std::decay_t<decltype(value)>, std::monostate>)
            builder.append(std::nullopt);
          else builder.append(value);
        },
        cell);
  }
  return builder.finish();
}

std::string must_be(std::string_view wanted, const RawValue& value) {
  return fmt::format("must be {}, not {}", wanted, type_name(value));
}

bool is_null_mark(const RawValue& value) {
  const auto* table = std::get_if<RawTable>(&value);
  if (table == nullptr || table->size() != 1 || table->front().name != "null") return false;
  const bool* flag = std::get_if<bool>(&table->front().data);
  return flag != nullptr && *flag;
}

std::variant<Cell, std::string> integer(const RawValue& value, Type type) {
  const auto* number = std::get_if<std::int64_t>(&value);
  if (number == nullptr) return must_be("an integer", value);
  using Small = std::numeric_limits<std::int32_t>;
  if (type == Type::int32 && (*number < Small::min() || *number > Small::max()))
    return fmt::format("must be a 32-bit integer, but is {}", *number);
  return Cell(*number);
}

std::variant<Cell, std::string> timestamp(const RawValue& value, Type type) {
  const RawValue* given = &value;
  std::optional<RawValue> parsed;
  if (const auto* text = std::get_if<std::string>(&value)) {
    parsed = parse_value(*text, {});
    if (parsed) given = &*parsed;
  }
  const auto* at = std::get_if<DateTime>(given);
  if (at == nullptr) return must_be("a date-time or a date", value);
  const std::int64_t micros = at->time.time_since_epoch().count();
  if (type == Type::timestamp_us) return Cell(micros);
  if (micros % second_us != 0)
    return std::string("must be a whole second: the column has no fractions");
  return Cell(micros / second_us);
}

}  // namespace

bool same(const Cell& one, const Cell& other) {
  const auto* number = std::get_if<double>(&one);
  const auto* second = std::get_if<double>(&other);
  if (number != nullptr && second != nullptr && std::isnan(*number)) return std::isnan(*second);
  return one == other;
}

Row row_of(const Batch& batch, std::size_t row) {
  Row out;
  out.reserve(batch.schema().size());
  for (std::size_t column = 0; column < batch.schema().size(); ++column)
    out.push_back(cell_of(batch, column, row));
  return out;
}

Batch batch_of(const std::shared_ptr<const Schema>& schema, std::span<const PartialRow> rows) {
  std::vector<detail::OwnedArray> columns;
  for (std::size_t column = 0; column < schema->size(); ++column) {
    const Field& field = (*schema)[column];
    std::vector<Cell> cells;
    cells.reserve(rows.size());
    for (const PartialRow& row : rows) cells.push_back(row[column].value_or(default_cell(field)));
    columns.push_back(column_of(cells, field.type));
  }
  return {detail::StructExport::make(std::move(columns), static_cast<std::int64_t>(rows.size())),
          schema};
}

std::variant<Cell, std::string> cell_from(const RawValue& value, const Field& field) {
  if (is_null_mark(value)) {
    if (field.nullable) return Cell();
    return std::string("cannot be null");
  }
  switch (field.type) {
    case Type::boolean:
      if (const bool* flag = std::get_if<bool>(&value)) return Cell(*flag);
      return must_be("a boolean", value);
    case Type::int32:
    case Type::int64:
      return integer(value, field.type);
    case Type::float64:
      if (const auto* number = std::get_if<double>(&value)) return Cell(*number);
      if (const auto* number = std::get_if<std::int64_t>(&value))
        return Cell(static_cast<double>(*number));
      return must_be("a number", value);
    case Type::timestamp_s:
    case Type::timestamp_us:
      return timestamp(value, field.type);
    default:
      if (const auto* text = std::get_if<std::string>(&value)) return Cell(*text);
      return must_be("a string", value);
  }
}

std::string cell_text(const Cell& cell, Type type) {
  if (std::holds_alternative<std::monostate>(cell)) return "NULL";
  if (const bool* flag = std::get_if<bool>(&cell)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&cell))
    return is_timestamp(type) ? time_text(*number, type) : fmt::to_string(*number);
  if (const auto* number = std::get_if<double>(&cell)) return fmt::to_string(*number);
  return in_quotes(std::get<std::string>(cell));
}

nlohmann::json cell_json(const Cell& cell, Type type) {
  const auto* number = std::get_if<std::int64_t>(&cell);
  if (number != nullptr && is_timestamp(type)) return time_text(*number, type);
  return std::visit(
      [](const auto& value) -> nlohmann::json {
        if constexpr (std::same_as<std::decay_t<decltype(value)>, std::monostate>) return nullptr;
        else return value;
      },
      cell);
}

std::string time_text(std::int64_t value, Type type) {
  if (type == Type::timestamp_s) return utc_text(value);
  const std::chrono::microseconds time(value);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const std::int64_t fraction = (time - seconds).count();
  return utc_text(seconds.count()) + (fraction == 0 ? "" : fmt::format(".{:06}", fraction));
}

}  // namespace etl::runtime
