#include "plugins/sqlite/table/batch_table.hpp"

#include "support.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace {

using namespace sqlite_tests;
using std::nullopt;

/// A column of type utf8_view, which BatchBuilder does not build. Texts too long for a view are in
/// one buffer.
struct ViewColumn {
  std::vector<etl::detail::TextView> views;
  std::vector<std::uint8_t> validity;
  std::string far;
  std::int64_t sizes[1] = {0};
  const void* buffers[4] = {};

  static etl::detail::OwnedArray make(const std::vector<std::optional<std::string>>& texts) {
    auto column = std::make_unique<ViewColumn>();
    column->validity.resize((texts.size() + 7) / 8);
    for (std::size_t row = 0; row < texts.size(); ++row) {
      etl::detail::TextView view{};
      if (texts[row]) {
        column->validity[row / 8] =
            static_cast<std::uint8_t>(column->validity[row / 8] | (1U << (row % 8)));
        view.size = static_cast<std::int32_t>(texts[row]->size());
        if (texts[row]->size() <= sizeof(view.inlined)) {
          std::memcpy(view.inlined, texts[row]->data(), texts[row]->size());
        } else {
          view.far = {{}, 0, static_cast<std::int32_t>(column->far.size())};
          column->far += *texts[row];
        }
      }
      column->views.push_back(view);
    }
    column->sizes[0] = static_cast<std::int64_t>(column->far.size());
    column->buffers[0] = column->validity.data();
    column->buffers[1] = column->views.data();
    column->buffers[2] = column->far.data();
    column->buffers[3] = column->sizes;
    ArrowArray array{};
    array.length = static_cast<std::int64_t>(texts.size());
    array.null_count = -1;
    array.n_buffers = 4;
    array.buffers = column->buffers;
    array.release = [](ArrowArray* self) {
      delete static_cast<ViewColumn*>(self->private_data);
      self->release = nullptr;
    };
    array.private_data = column.release();
    return etl::detail::OwnedArray(&array);
  }
};

class BatchTableTest : public testing::Test {
 protected:
  /// The rows that SQLite returns after a batch was written into a new table.
  std::vector<std::string> stored(const Schema& schema, etl::Batch batch,
                                  const std::string& timestamps = "text") {
    SinkOptions options{folder_.file("b.db")};
    options.table = "t" + std::to_string(++tables_);
    options.timestamps = timestamps;
    const auto sink = options.make(host_.context());
    sink->prepare(schema);
    std::vector<etl::Batch> batches;
    batches.push_back(std::move(batch));
    load(*sink, schema, request_for(options.table), std::move(batches));
    return database_.rows("SELECT * FROM " + options.table + " ORDER BY rowid");
  }

  TemporaryFolder folder_;
  FakeHost host_;
  PlainDatabase database_{folder_.file("b.db")};
  int tables_ = 0;
};

const Schema builder_types{{"b", Type::boolean, true},     {"i", Type::int32, true},
                           {"l", Type::int64, true},       {"d", Type::float64, true},
                           {"u", Type::utf8, true},        {"z", Type::binary, true},
                           {"s", Type::timestamp_s, true}, {"us", Type::timestamp_us, true}};

etl::Batch all_types() {
  using namespace std::string_view_literals;
  constexpr auto int_max = std::numeric_limits<std::int64_t>::max();
  etl::BatchBuilder builder(builder_types);
  builder.row(true, 1, std::int64_t{2}, 0.5, "three", "four", std::int64_t{0}, std::int64_t{0});
  builder.row(nullopt, nullopt, nullopt, nullopt, nullopt, nullopt, nullopt, nullopt);
  builder.row(false, -1, int_max, -1e300, "", "", std::int64_t{-1}, std::int64_t{-1});
  builder.row(true, 7, -int_max - 1, std::numeric_limits<double>::infinity(), "a\0b"sv, "\0\xff"sv,
              std::int64_t{951782399}, std::int64_t{1500000});
  builder.row(false, 0, std::int64_t{0}, 3.0, "\xff\xfe not UTF-8", "'", std::int64_t{951782400},
              std::int64_t{1000000});
  builder.row(nullopt, 5, nullopt, 0.1, nullopt, "x", nullopt, std::int64_t{1000000});
  builder.row(true, nullopt, std::int64_t{8}, nullopt, "Œuvre", nullopt, std::int64_t{951782400},
              nullopt);
  return builder.finish();
}

std::vector<std::string> all_types_stored() {
  using namespace std::string_literals;
  return {
      "1|1|2|0.5|'three'|x'four'|'1970-01-01 00:00:00'|'1970-01-01 00:00:00'"s,
      "NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL"s,
      "0|-1|9223372036854775807|-1.0e+300|''|x''|'1969-12-31 23:59:59'|'1969-12-31 23:59:59.999999'"s,
      "1|7|-9223372036854775808|Inf|'a\0b'|x'\0\xff'|'2000-02-28 23:59:59'|'1970-01-01 00:00:01.500000'"s,
      "0|0|0|3.0|'\xff\xfe not UTF-8'|x'''|'2000-02-29 00:00:00'|'1970-01-01 00:00:01'"s,
      "NULL|5|NULL|0.1|NULL|x'x'|NULL|'1970-01-01 00:00:01'"s,
      "1|NULL|8|NULL|'Œuvre'|NULL|'2000-02-29 00:00:00'|NULL"s};
}

TEST_F(BatchTableTest, StoresEveryTypeWithNulls) {
  EXPECT_EQ(stored(builder_types, all_types()), all_types_stored());
}

TEST_F(BatchTableTest, StoresEverySliceOfABatch) {
  const auto all = all_types_stored();
  for (std::size_t first = 0; first <= all.size(); ++first) {
    for (std::size_t count = 0; first + count <= all.size(); ++count) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
      EXPECT_EQ(stored(builder_types, all_types().slice(first, count)),
                std::vector<std::string>(begin, begin + static_cast<std::ptrdiff_t>(count)))
          << first << " +" << count;
    }
  }
}

TEST_F(BatchTableTest, StoresUnixTimestampsInTheUnitOfTheColumn) {
  const Schema schema{{"s", Type::timestamp_s, true}, {"us", Type::timestamp_us}};
  EXPECT_EQ(stored(schema,
                   batch_of<std::optional<std::int64_t>, std::int64_t>(
                       schema, {{-5, 1500000}, {nullopt, -1}}),
                   "unix"),
            (std::vector<std::string>{"-5|1500000", "NULL|-1"}));
}

TEST_F(BatchTableTest, StoresViewsInlineAndFar) {
  const auto schema =
      std::make_shared<const Schema>(Schema{{"v", Type::utf8_view, true}, {"n", Type::int32}});
  const std::vector<std::optional<std::string>> texts = {
      "twelve bytes", "thirteen byte", nullopt, "", std::string(1000, 'x'), "Ζεύς"};
  const auto batch = [&] {
    etl::BatchBuilder numbers(Schema{{"n", Type::int32}});
    for (int row = 0; row < 6; ++row) numbers.row(row);
    ArrowArray built;
    numbers.finish().move_to(&built);
    etl::detail::OwnedArray holder(&built);
    std::vector<etl::detail::OwnedArray> columns;
    columns.push_back(ViewColumn::make(texts));
    columns.emplace_back(holder.get()->children[0]);
    return etl::Batch(etl::detail::StructExport::make(std::move(columns), 6), schema);
  };
  const std::vector<std::string> expected = {"'twelve bytes'|0",
                                             "'thirteen byte'|1",
                                             "NULL|2",
                                             "''|3",
                                             std::string("'").append(1000, 'x').append("'|4"),
                                             "'Ζεύς'|5"};
  EXPECT_EQ(stored(*schema, batch()), expected);
  EXPECT_EQ(stored(*schema, batch().slice(1, 4)),
            std::vector<std::string>(expected.begin() + 1, expected.begin() + 5));
}

TEST_F(BatchTableTest, RefusesANumberThatWouldBecomeNull) {
  const Schema schema{{"d", Type::float64, true}};
  const auto error = error_of([&] {
    (void)stored(schema, batch_of<double>(schema, {{1.5}, {std::nan("")}}));
  });
  EXPECT_EQ(error.code(), Code::permanent);
  expect_contains(error.message(), {"NaN cannot be stored", "table \"t1\""});
}

TEST_F(BatchTableTest, FormatsEveryTimestampOfABatchAnew) {
  const Schema schema{{"s", Type::timestamp_s}, {"n", Type::int64}};
  std::mt19937_64 random(3);
  std::vector<std::tuple<std::int64_t, std::int64_t>> rows;
  for (int i = 0; i < 5000; ++i) {
    // Jumps between runs of equal values.
    const bool again = !rows.empty() && random() % 3 != 0;
    const std::int64_t time = again ? std::get<0>(rows.back())
                                    : static_cast<std::int64_t>(random() % 4000000000) - 2000000000;
    rows.emplace_back(time, time);
  }
  ASSERT_EQ(stored(schema, batch_of(schema, rows)).size(), rows.size());
  EXPECT_EQ(database_.value("SELECT sum(s = datetime(n, 'unixepoch')), count(*) FROM t1"),
            "5000|5000");
}

TEST_F(BatchTableTest, RefusesATimestampThatTextCannotSay) {
  const Schema schema{{"when", Type::timestamp_us}};
  const auto error = error_of([&] {
    (void)stored(schema,
                 batch_of<std::int64_t>(schema, {{0}, {std::numeric_limits<std::int64_t>::max()}}));
  });
  EXPECT_EQ(error.code(), Code::permanent);
  expect_contains(error.message(), {"9223372036854775807 us", "unix", "table \"t1\""});
}

TEST_F(BatchTableTest, SurvivesLengthsThatMakeNoSense) {
  const Schema schema{{"u", Type::utf8}};
  auto batch = batch_of<std::string>(schema, {{"abc"}, {"def"}});
  auto* offsets =
      static_cast<std::int32_t*>(const_cast<void*>(batch.array().children[0]->buffers[1]));
  offsets[2] = 1;  // ends before it begins
  const auto error = error_of([&] { (void)stored(schema, std::move(batch)); });
  EXPECT_EQ(error.code(), Code::permanent);
  expect_contains(error.message(), {"SQLITE_TOOBIG"});
}

}  // namespace
