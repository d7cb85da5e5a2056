#include "core/runtime/pipeline_tests/row_values.hpp"

#include "core/runtime/config/diagnostics.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using etl::Batch;
using etl::Field;
using etl::Schema;
using etl::Type;

const std::string long_text(100, 'x');

/// A column of every type, with a non-default value and an extreme one.
struct Sample {
  Type type;
  Cell one, other;
};
const std::vector<Sample>& samples() {
  using Large = std::numeric_limits<std::int64_t>;
  using Small = std::numeric_limits<std::int32_t>;
  static const std::vector<Sample> all{
      {Type::boolean, true, false},
      {Type::int32, std::int64_t{Small::min()}, std::int64_t{Small::max()}},
      {Type::int64, Large::min(), Large::max()},
      {Type::float64, 0.5, std::numeric_limits<double>::infinity()},
      {Type::utf8, std::string("a"), long_text},
      {Type::utf8_view, std::string("twelve bytes"), "thirteen byte" + long_text},
      {Type::binary, std::string("\0\xFF", 2), std::string()},
      {Type::timestamp_s, std::int64_t{-1}, std::int64_t{4}},
      {Type::timestamp_us, std::int64_t{-1}, std::int64_t{1'000'001}}};
  return all;
}

std::shared_ptr<const Schema> schema_of(bool nullable) {
  std::vector<Field> fields;
  for (const Sample& sample : samples())
    fields.push_back({std::string(etl::type_name(sample.type)), sample.type, nullable});
  return std::make_shared<const Schema>(fields);
}

/// Imports the batch as another owner would, with all layout checks.
Batch checked(Batch batch) {
  const auto schema = batch.shared_schema();
  ArrowArray array{};
  std::move(batch).move_to(&array);
  return {&array, schema};
}

void expect_rows(const Batch& batch, const std::vector<Row>& expected) {
  ASSERT_EQ(batch.rows(), expected.size());
  for (std::size_t row = 0; row < expected.size(); ++row)
    EXPECT_EQ(row_of(batch, row), expected[row]);
}

TEST(RowValuesTest, RowsGoIntoABatchAndComeOutAgain) {
  Row one;
  Row other;
  Row nulls;
  for (const Sample& sample : samples()) {
    one.push_back(sample.one);
    other.push_back(sample.other);
    nulls.emplace_back();
  }
  const std::vector<Row> rows{one, nulls, other, other, nulls, one, one, one, one, nulls};
  std::vector<PartialRow> given;
  for (const Row& row : rows) given.emplace_back(row.begin(), row.end());
  Batch batch = checked(batch_of(schema_of(true), given));
  expect_rows(batch, rows);
  // Copy every second row, as a filter does: the views must keep their texts.
  batch = std::move(batch).keep_if([](std::size_t row) { return row % 2 == 0; });
  expect_rows(batch, {rows[0], rows[2], rows[4], rows[6], rows[8]});
}

TEST(RowValuesTest, NoRows) {
  for (const bool nullable : {true, false})
    expect_rows(checked(batch_of(schema_of(nullable), {})), {});
}

TEST(RowValuesTest, OmittedColumns) {
  const PartialRow nothing(samples().size());
  expect_rows(checked(batch_of(schema_of(true), std::vector<PartialRow>{nothing})),
              {Row(samples().size(), Cell())});
  const std::int64_t zero = 0;
  const std::string empty;
  expect_rows(checked(batch_of(schema_of(false), std::vector<PartialRow>{nothing})),
              {{false, zero, zero, 0.0, empty, empty, empty, zero, zero}});
}

TEST(RowValuesTest, Sameness) {
  EXPECT_TRUE(same(std::nan(""), std::nan("1")));
  EXPECT_FALSE(same(std::nan(""), 1.0));
  EXPECT_FALSE(same(1.0, std::nan("")));
  EXPECT_FALSE(same(std::monostate(), false));
  EXPECT_FALSE(same(std::int64_t{1}, 1.0));
}

TEST(RowValuesTest, CellsOfAPipelineFile) {
  const auto cell = [](std::string_view text, Type type, bool nullable = false) {
    return cell_from(*parse_value(text, {}), {"c", type, nullable});
  };
  using Result = std::variant<Cell, std::string>;
  EXPECT_EQ(cell("2", Type::int64), Result(Cell(std::int64_t{2})));
  EXPECT_EQ(cell("2", Type::float64), Result(Cell(2.0)));
  EXPECT_EQ(cell("2147483648", Type::int32),
            Result(std::string("must be a 32-bit integer, but is 2147483648")));
  EXPECT_EQ(cell("1970-01-02", Type::timestamp_s), Result(Cell(std::int64_t{86400})));
  EXPECT_EQ(cell("\"1970-01-01 00:00:01\"", Type::timestamp_us),
            Result(Cell(std::int64_t{1'000'000})));
  EXPECT_EQ(cell("1970-01-01T00:00:00.5Z", Type::timestamp_s),
            Result(std::string("must be a whole second: the column has no fractions")));
  EXPECT_EQ(cell("\"-1d\"", Type::timestamp_s),
            Result(std::string("must be a date-time or a date, not a string")));
  EXPECT_EQ(cell("{ null = true }", Type::utf8, true), Result(Cell()));
  EXPECT_EQ(cell("{ null = true }", Type::utf8), Result(std::string("cannot be null")));
  EXPECT_EQ(cell("{ null = false }", Type::utf8, true),
            Result(std::string("must be a string, not a table")));
  EXPECT_EQ(cell("1", Type::boolean), Result(std::string("must be a boolean, not an integer")));
}

TEST(RowValuesTest, Texts) {
  EXPECT_EQ(cell_text({}, Type::utf8), "NULL");
  EXPECT_EQ(cell_text(std::string("NULL"), Type::utf8), "\"NULL\"");
  EXPECT_EQ(cell_text(std::string("a\n\xFF"), Type::binary), "\"a\\n\\xFF\"");
  EXPECT_EQ(cell_text(std::int64_t{-1}, Type::timestamp_us), "1969-12-31 23:59:59.999999");
  EXPECT_EQ(cell_json(std::int64_t{0}, Type::timestamp_s), "1970-01-01 00:00:00");
  EXPECT_EQ(cell_json(std::int64_t{0}, Type::int32), 0);
  EXPECT_EQ(cell_json({}, Type::int32), nullptr);
}

}  // namespace
