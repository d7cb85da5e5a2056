/// \file
/// The rows that filters and sinks get: all types, nulls, texts of every length.
#pragma once

#include <etl/partition.hpp>
#include <etl/testing/conformance/arrow.hpp>

namespace etl::inline v1::conformance {

/// Two columns of every type, one of them with nulls, for a stage that accepts any columns.
inline std::vector<InputColumn> mixed_columns() {
  std::vector<InputColumn> columns = {{{"part", Type::utf8, false}, {}, true}};
  const auto add = [&](const char* name, Type type) {
    columns.push_back({{name, type, false}});
    columns.push_back({{std::string(name) + "_or_null", type, true}});
  };
  add("text", Type::utf8);
  add("number", Type::int64);
  add("small", Type::int32);
  add("ratio", Type::float64);
  add("flag", Type::boolean);
  add("at", Type::timestamp_s);
  add("at_us", Type::timestamp_us);
  add("bytes", Type::binary);
  return columns;
}

inline Schema schema_of(const std::vector<InputColumn>& columns) {
  std::vector<Field> fields;
  fields.reserve(columns.size());
  for (const InputColumn& column : columns) fields.push_back(column.field);
  return Schema(std::move(fields));
}

/// The memory layout of a batch; it does not change the rows.
enum class Layout {
  plain,
  sliced,          ///< the batch has an offset into its columns
  sliced_columns,  ///< every column has an offset into its buffers
  uncounted        ///< null_count is -1
};

/// Generates rows by number: row n of a partition does not depend on the batch that holds it.
class Input {
 public:
  explicit Input(std::vector<InputColumn> columns, std::string partition = "one")
      : columns_(std::move(columns)),
        schema_(std::make_shared<const Schema>(schema_of(columns_))),
        partition_(std::move(partition)) {}

  [[nodiscard]] const Schema& schema() const { return *schema_; }
  [[nodiscard]] const std::vector<InputColumn>& columns() const { return columns_; }

  /// The partition of the rows.
  [[nodiscard]] Partition partition() const {
    Partition partition{.id = partition_, .uri = "check:" + partition_, .bytes = 1000, .scope = {}};
    for (const InputColumn& column : columns_) {
      if (!column.scope) continue;
      partition.scope.column = column.field.name;
      if (is_text(column.field.type)) partition.scope.value = partition_;
      else partition.scope.value = scope_number();
    }
    return partition;
  }

  [[nodiscard]] Batch batch(std::int64_t first, std::int64_t rows,
                            Layout layout = Layout::plain) const {
    constexpr std::int64_t before = 3, after = 2;
    if (layout == Layout::plain) return built(first, rows);
    ArrowArray array;
    if (layout == Layout::uncounted) {
      built(first, rows).move_to(&array);
      for (std::int64_t i = 0; i < array.n_children; ++i) array.children[i]->null_count = -1;
      return {&array, schema_};
    }
    built(first - before, before + rows + after).move_to(&array);
    if (layout == Layout::sliced) {
      array.offset = before;
    } else {
      for (std::int64_t i = 0; i < array.n_children; ++i) {
        ArrowArray& column = *array.children[i];
        column.offset += before;
        column.length = rows;
        if (column.null_count != 0) column.null_count = nulls_in(column);
      }
    }
    array.length = rows;
    return {&array, schema_};
  }

  /// The rows from 0 up to `total`, in batches whose sizes cycle through `sizes`.
  [[nodiscard]] std::vector<Batch> batches(std::int64_t total,
                                           const std::vector<std::int64_t>& sizes,
                                           Layout layout = Layout::plain) const {
    std::vector<Batch> all;
    std::int64_t first = 0;
    for (std::size_t i = 0; first < total; ++i) {
      const std::int64_t rows = std::min(sizes[i % sizes.size()], total - first);
      all.push_back(batch(first, rows, layout));
      first += rows;
    }
    return all;
  }

  /// The generated text for a row.
  [[nodiscard]] static std::string text(std::int64_t row) {
    static const char* const kinds[] = {"",
                                        "a",
                                        "apple",
                                        "tab\tand\nline",
                                        "quote ' and \"",
                                        "back\\slash",
                                        "\xC3\x9C\xE6\x9D\xB1\xF0\x9F\x8C\x8D",
                                        "%s {} $1 <b> NULL"};
    const auto which = static_cast<std::size_t>(row < 0 ? -row : row);
    const std::string kind = kinds[which % std::size(kinds)];
    return which < std::size(kinds) ? kind : kind + " " + std::to_string(row);
  }

 private:
  [[nodiscard]] static std::int64_t nulls_in(const ArrowArray& column) {
    std::int64_t nulls = 0;
    for (std::int64_t row = 0; row < column.length; ++row) {
      if (!detail::bit(column.buffers[0], column.offset + row)) ++nulls;
    }
    return nulls;
  }
  [[nodiscard]] std::int64_t scope_number() const {
    std::int64_t sum = 0;
    for (const char c : partition_) sum = sum * 31 + static_cast<unsigned char>(c);
    return sum;
  }
  [[nodiscard]] Batch built(std::int64_t first, std::int64_t rows) const {
    std::vector<detail::OwnedArray> arrays;
    for (const InputColumn& column : columns_) {
      detail::ColumnBuilder builder(column.field.type);
      for (std::int64_t row = first; row < first + rows; ++row) append(builder, column, row);
      arrays.push_back(builder.finish());
    }
    return {detail::StructExport::make(std::move(arrays), rows), schema_};
  }

  void append(detail::ColumnBuilder& builder, const InputColumn& column, std::int64_t row) const {
    constexpr std::int64_t every_fifth = 5, moment = 1'700'000'000, million = 1'000'000;
    if (column.field.nullable && !column.scope && row % every_fifth == 3) {
      return builder.append(std::nullopt);
    }
    const auto turn = static_cast<std::size_t>(row < 0 ? -row : row);
    const std::string* given =
        column.values.empty() ? nullptr : &column.values[turn % column.values.size()];
    const auto number = [&](std::int64_t made) {
      return given != nullptr ? std::stoll(*given) : made;
    };
    switch (column.field.type) {
      case Type::boolean:
        return builder.append(given != nullptr ? *given == "true" : row % 3 == 0);
      case Type::int32:
        return builder.append(static_cast<std::int32_t>(
            number(row == 1 ? std::numeric_limits<std::int32_t>::min() : row * 7)));
      case Type::int64:
        if (column.scope) return builder.append(scope_number());
        return builder.append(number(row == 1 ? std::numeric_limits<std::int64_t>::min() : row));
      case Type::float64:
        return builder.append(given != nullptr ? std::stod(*given)
                                               : static_cast<double>(row) / 4 - 1);
      case Type::timestamp_s:
        return builder.append(number(moment + row * 60));
      case Type::timestamp_us:
        return builder.append(number((moment + row * 60) * million + 123'456));
      case Type::binary:
        return builder.append(given != nullptr ? *given : std::string("\x00\xFF", 2) + text(row));
      default:
        if (column.scope) return builder.append(partition_);
        return builder.append(given != nullptr ? *given : text(row));
    }
  }

  std::vector<InputColumn> columns_;
  std::shared_ptr<const Schema> schema_;
  std::string partition_;
};

/// The reverse of type_name(); nullopt for any other text.
inline std::optional<Type> type_from(std::string_view name) {
  for (const detail::TypeInfo& entry : detail::type_table) {
    if (entry.name == name) return entry.type;
  }
  return std::nullopt;
}

/// The input columns of a filter or sink: given by the author, else declared by the stage, else
/// all types.
inline std::vector<InputColumn> columns_for(const Subject& subject) {
  if (!subject.columns.empty()) return subject.columns;
  std::vector<InputColumn> columns;
  const etl_stage& stage = *subject.stage;
  for (std::size_t i = 0; i < stage.column_count; ++i) {
    const std::string name(to_view(stage.columns[i].name));
    const std::optional<Type> type = type_from(to_view(stage.columns[i].type));
    if (!type) return mixed_columns();
    columns.push_back({{name, *type == Type::utf8_view ? Type::utf8 : *type, false}});
  }
  return columns.empty() ? mixed_columns() : columns;
}

/// Describes the first difference between two lists of rows.
inline std::string difference(const Strings& expected, const Strings& found) {
  std::size_t at = 0;
  while (at < expected.size() && at < found.size() && expected[at] == found[at]) ++at;
  const auto row = [at](const Strings& rows) {
    return at < rows.size() ? "\"" + rows[at].substr(0, 200) + "\"" : std::string("nothing");
  };
  return std::to_string(expected.size()) + " rows against " + std::to_string(found.size()) +
         "; row " + std::to_string(at + 1) + ": " + row(expected) + " against " + row(found);
}

}  // namespace etl::inline v1::conformance
