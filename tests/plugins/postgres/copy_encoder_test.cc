#include "plugins/postgres/copy_encoder.hpp"

#include "plugins/postgres/connection/connection.hpp"
#include "sink_fixture.hpp"

#include <limits>

namespace postgres_test {
namespace {

using postgres::CopyBuffer;
using postgres::CopyEncoder;

std::string hex(const CopyBuffer& buffer) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : buffer.bytes()) {
    text += digits[static_cast<unsigned char>(c) >> 4U];
    text += digits[static_cast<unsigned char>(c) & 15U];
  }
  return text;
}

std::string encoded(const etl::Batch& batch, CopyEncoder::Layout layout = {}) {
  CopyEncoder encoder(std::move(layout));
  CopyBuffer buffer;
  encoder.take(batch);
  while (encoder.encode(buffer, std::numeric_limits<std::size_t>::max())) continue;
  return hex(buffer);
}

// The bytes follow the server's documentation. write_test.cc checks that the server accepts them.
TEST(CopyEncoderTest, HeaderAndTrailer) {
  CopyBuffer buffer;
  CopyEncoder::begin(buffer);
  CopyEncoder::end(buffer);
  EXPECT_EQ(hex(buffer),
            "5047434f50590aff0d0a00"
            "00000000"
            "00000000"
            "ffff");
}

TEST(CopyEncoderTest, EveryTypeIsBigEndianBehindItsSize) {
  etl::BatchBuilder builder(etl::Schema{{"b", etl::Type::boolean},
                                        {"i", etl::Type::int32},
                                        {"l", etl::Type::int64},
                                        {"d", etl::Type::float64},
                                        {"u", etl::Type::utf8},
                                        {"z", etl::Type::binary},
                                        {"ts", etl::Type::timestamp_s},
                                        {"tu", etl::Type::timestamp_us, true}});
  // The server counts from 2000-01-01.
  builder.row(true, std::int32_t{-2}, std::int64_t{258}, 1.5, "ab", std::string_view("\0\xFF", 2),
              std::int64_t{946'684'801}, std::nullopt);
  EXPECT_EQ(encoded(builder.finish()),
            "0008"
            "00000001"
            "01"
            "00000004"
            "fffffffe"
            "00000008"
            "0000000000000102"
            "00000008"
            "3ff8000000000000"
            "00000002"
            "6162"
            "00000002"
            "00ff"
            "00000008"
            "00000000000f4240"
            "ffffffff");
}

TEST(CopyEncoderTest, TheOrdinalCountsOverBatches) {
  CopyEncoder encoder({{}, {}, true});
  CopyBuffer buffer;
  for (const char* title : {"a", "b"}) {
    etl::BatchBuilder builder(etl::Schema{{"u", etl::Type::utf8}});
    builder.row(title);
    const etl::Batch batch = builder.finish();
    encoder.take(batch);
    while (encoder.encode(buffer, 1 << 20)) continue;
  }
  EXPECT_EQ(hex(buffer),
            "0002"
            "00000001"
            "61"
            "00000008"
            "0000000000000000"
            "0002"
            "00000001"
            "62"
            "00000008"
            "0000000000000001");
  EXPECT_EQ(encoder.rows(), 2);
}

TEST(CopyEncoderTest, StopsAfterEnoughBytesAndGoesOn) {
  const etl::Batch batch = simple_batch(0, 100);
  CopyEncoder encoder({});
  CopyBuffer buffer;
  encoder.take(batch);
  std::string all;
  int parts = 1;
  for (; encoder.encode(buffer, 100); ++parts) {
    EXPECT_GE(buffer.size(), 100U);
    all += hex(buffer);
    buffer.clear();
  }
  EXPECT_EQ(all + hex(buffer), encoded(batch));
  EXPECT_GT(parts, 10);
  EXPECT_EQ(encoder.rows(), 100);
}

TEST(CopyEncoderTest, ALongTextGrowsTheBuffer) {
  etl::BatchBuilder builder(simple_schema());
  const std::string text(1'000'000, 'x');
  builder.row(std::int64_t{1}, text);
  const std::string bytes = encoded(builder.finish());
  EXPECT_EQ(bytes.size(), 2 * (2 + 4 + 8 + 4 + text.size()));
  EXPECT_EQ(bytes.substr(0, 36),
            "0002"
            "00000008"
            "0000000000000001"
            "000f4240");
  EXPECT_EQ(bytes.substr(bytes.size() - 4), "7878");
}

TEST(CopyEncoderTest, ANulByteNamesColumnAndRowAndLeavesWholeRows) {
  etl::BatchBuilder builder(simple_schema());
  builder.row(std::int64_t{1}, "good");
  builder.row(std::int64_t{2}, std::string_view("b\0d", 3));
  const etl::Batch batch = builder.finish();
  CopyEncoder encoder({});
  CopyBuffer buffer;
  encoder.take(batch);
  const etl::Error error = error_of([&] { encoder.encode(buffer, 1 << 20); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  EXPECT_CONTAINS(error.message(), "column \"title\", row 2 of the partition: a NUL byte");
  EXPECT_EQ(hex(buffer),
            "0002"
            "00000008"
            "0000000000000001"
            "00000004"
            "676f6f64");
}

TEST(CopyEncoderTest, ANullInTheKeyIsAnError) {
  etl::BatchBuilder builder(etl::Schema{{"id", etl::Type::int64, true}});
  builder.row(std::nullopt);
  const etl::Batch batch = builder.finish();
  const etl::Error error = error_of([&] { encoded(batch, {{0}, {}, true}); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  EXPECT_CONTAINS(error.message(),
                  "column \"id\", row 1 of the partition: null in a column of the key");
}

TEST(CopyEncoderTest, LengthsAreCountedInCharacters) {
  const auto with_title = [](const char* title) {
    etl::BatchBuilder builder(simple_schema());
    builder.row(std::int64_t{1}, title);
    return builder.finish();
  };
  EXPECT_NO_THROW(encoded(with_title("größe"), {{}, {0, 5}}));
  const etl::Error error = error_of([&] { encoded(with_title("größe "), {{}, {0, 5}}); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  EXPECT_CONTAINS(error.message(),
                  "column \"title\", row 1 of the partition: 6 characters, but the column is "
                  "varchar(5)");
}

TEST(CopyEncoderTest, TimesKeepToTheServersRange) {
  constexpr std::int64_t first = -210'866'803'200'000'000;  // 4714-11-24 BC
  EXPECT_EQ(postgres::to_server_time(first), -211'813'488'000'000'000);
  EXPECT_EQ(postgres::to_server_time(first - 1), std::nullopt);
  EXPECT_EQ(postgres::to_server_time(std::numeric_limits<std::int64_t>::max()),
            std::numeric_limits<std::int64_t>::max() - 946'684'800'000'000);
  EXPECT_EQ(postgres::to_server_time(std::numeric_limits<std::int64_t>::min()), std::nullopt);

  etl::BatchBuilder builder(etl::Schema{{"at", etl::Type::timestamp_s}});
  builder.row(std::numeric_limits<std::int64_t>::max());
  const etl::Batch batch = builder.finish();
  const etl::Error error = error_of([&] { encoded(batch); });
  EXPECT_EQ(error.code(), etl::Code::permanent);
  EXPECT_CONTAINS(error.message(),
                  "column \"at\", row 1 of the partition: 9223372036854775807 s since 1970");
}

}  // namespace
}  // namespace postgres_test
