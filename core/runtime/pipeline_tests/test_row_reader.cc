#include "core/runtime/pipeline_tests/test_row_reader.hpp"

#include "core/runtime/base/descriptor.hpp"
#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/utf8.hpp"

#include <etl/detail/split.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace etl::runtime {
namespace {

using nlohmann::json;

std::vector<std::string> names_of(const Schema& schema) {
  std::vector<std::string> names;
  for (const Field& field : schema) names.push_back(field.name);
  return names;
}

RawValue raw_from(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return RawTable{{"null", {}, {}, true}};
    case json::value_t::boolean:
      return value.get<bool>();
    case json::value_t::number_integer:
      return value.get<std::int64_t>();
    case json::value_t::number_unsigned:
      if (value.get<std::uint64_t>() > std::uint64_t{INT64_MAX})
        return UnsupportedValue{"an integer beyond 64 bits"};
      return value.get<std::int64_t>();
    case json::value_t::number_float:
      return value.get<double>();
    case json::value_t::string:
      return value.get<std::string>();
    case json::value_t::array:
      return RawList{};
    default:
      return RawTable{};
  }
}

/// The rows of the document as objects, or nothing if it has another form.
std::optional<json> objects_in(const json& document) {
  if (document.is_array()) return document;
  if (!document.is_object() || !document.contains("columns") || !document.contains("rows"))
    return std::nullopt;
  json rows = json::array();
  for (const json& values : document["rows"]) {
    json row = json::object();
    if (!values.is_array() || values.size() != document["columns"].size()) return std::nullopt;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const json& column = document["columns"][i];
      if (!column.is_object() || !column.contains("name") || !column["name"].is_string())
        return std::nullopt;
      row[column["name"].get<std::string>()] = values[i];
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

PartialRow read_test_row(const RawTable& table, const Schema& schema, const std::string& what,
                         Diagnostics& diagnostics) {
  PartialRow row(schema.size());
  for (const RawOption& option : table) {
    const std::optional<std::size_t> column = schema.find(option.name);
    if (!column) {
      diagnostics.error(option.key,
                        fmt::format("{} has no column {}", what, in_quotes(option.name)),
                        did_you_mean(option.name, names_of(schema)));
      continue;
    }
    const Field& field = schema[*column];
    auto cell = cell_from(option.data, field);
    if (auto* value = std::get_if<Cell>(&cell)) {
      row[*column] = std::move(*value);
    } else {
      diagnostics.error(option.value,
                        fmt::format("column {} of {} is {}: it {}", in_quotes(option.name), what,
                                    type_name(field.type), std::get<std::string>(cell)));
    }
  }
  return row;
}

void read_rows_file(TestRows& rows, const Schema& schema, const std::string& what,
                    Diagnostics& diagnostics) {
  const auto refuse = [&](const std::string& why) {
    diagnostics.error(rows.position, fmt::format("{}: {}", rows.file.string(), why),
                      "write an array of objects, one per row, or the output of etl preview "
                      "--format json");
  };
  try {
    const std::optional<json> objects = objects_in(json::parse(read_whole(rows.file)));
    if (!objects) return refuse("contains no rows");
    std::size_t number = 0;
    for (const json& object : *objects) {
      ++number;
      if (!object.is_object()) return refuse(fmt::format("row {} is not an object", number));
      RawTable table;
      for (const auto& [name, value] : object.items())
        table.push_back({name, rows.position, rows.position, raw_from(value)});
      rows.rows.push_back(read_test_row(
          table, schema, fmt::format("{} (row {} of the file)", what, number), diagnostics));
      rows.positions.push_back(rows.position);
    }
  } catch (const json::exception& error) {
    refuse(std::string("is not valid JSON: ") + error.what());
  } catch (const Error& error) {
    diagnostics.error(rows.position, error.message());
  }
}

std::vector<std::string> lines_of(std::string_view text) {
  const auto lines = detail::split(text, '\n');
  return {lines.begin(), lines.end()};
}

}  // namespace etl::runtime
