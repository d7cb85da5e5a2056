// Formatting and parsing rejected records.
#include "core/runtime/rejects/reject_entry.hpp"

#include <etl/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using testing::ElementsAre;
using testing::HasSubstr;

RejectEntry sample() {
  return {{"words", "s", "monday.txt"}, "r1", "s", 17, 231, "no tab", "twenty"};
}

TEST(RejectEntryTest, IsOneObjectOnALine) {
  EXPECT_EQ(
      reject_line(sample()),
      R"({"pipeline":"words","run_id":"r1","source":"s","partition":"monday.txt","stage":"s",)"
      R"("line":17,"offset":231,"reason":"no tab","raw":"twenty"})");
  RejectEntry unknown = sample();
  unknown.line = unknown.offset = std::nullopt;
  EXPECT_THAT(reject_line(unknown), HasSubstr(R"("line":null,"offset":null)"));
}

TEST(RejectEntryTest, KeepsEveryByte) {
  std::vector<std::string> raws{"",         "\n",   std::string("a\0b", 3),
                                "\xC3\xA9", "\"\\", "\xED\xA0\x80"};
  for (int byte = 0; byte < 256; ++byte) raws.push_back(std::string(1, static_cast<char>(byte)));
  for (std::size_t size = 1; size < 9; ++size) raws.push_back(std::string(size, '\xFF'));
  for (const std::string& raw : raws) {
    RejectEntry entry = sample();
    entry.raw = raw;
    const std::string line = reject_line(entry);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_EQ(parse_reject(line), entry) << testing::PrintToString(raw);
  }
}

TEST(RejectEntryTest, NoUtf8IsBase64OfTheStandard) {
  RejectEntry entry = sample();
  entry.raw = "\xFF\xFE";
  EXPECT_THAT(reject_line(entry), HasSubstr(R"("raw_base64":"//4="})"));
}

TEST(RejectEntryTest, SaysWhyALineIsNone) {
  const auto why = [](std::string line) -> std::string {
    try {
      (void)parse_reject(line);
      return "an entry";
    } catch (const etl::Error& error) {
      return error.message();
    }
  };
  const std::string whole = reject_line(sample());
  const auto with = [&](const std::string& old, const std::string& now) {
    std::string line = whole;
    return line.replace(line.find(old), old.size(), now);
  };
  EXPECT_EQ(why(whole), "an entry");
  EXPECT_EQ(why("{"), "is not JSON");
  EXPECT_EQ(why("\xFF"), "is not JSON");
  EXPECT_EQ(why("[]"), "is not a JSON object");
  EXPECT_EQ(why("{}"), "has no \"pipeline\"");
  EXPECT_EQ(why(with("\"raw\":\"twenty\"", "\"raw\":20")), "\"raw\" is not a string");
  EXPECT_EQ(why(with(",\"raw\":\"twenty\"", "")), "has no \"raw\"");
  EXPECT_EQ(why(with("17", "-1")), "\"line\" is neither a count nor null");
  EXPECT_EQ(why(with("17", "1.5")), "\"line\" is neither a count nor null");
  EXPECT_EQ(why(with("17", "18446744073709551615")), "\"line\" is neither a count nor null");
  EXPECT_EQ(why(with("\"raw\":\"twenty\"", "\"raw_base64\":\"abc\"")),
            "\"raw_base64\" is not valid base64: bad length");
  EXPECT_EQ(why(with("\"raw\":\"twenty\"", "\"raw_base64\":\"a=b=\"")),
            "\"raw_base64\" is not valid base64: bad length");
  EXPECT_EQ(why(with("\"raw\":\"twenty\"", "\"raw_base64\":\"a!bc\"")),
            "\"raw_base64\" is not valid base64: bad character");
  EXPECT_EQ(why(with("\"raw\"", "\"raw_base64\":\"\",\"raw\"")),
            "has both \"raw\" and \"raw_base64\"");
}

TEST(RejectEntryTest, ReadsAnyBytesAndSaysWhichLine) {
  const std::string text = reject_line(sample()) + "\n\n\xFF\n" + reject_line(sample());
  std::vector<std::size_t> good;
  std::vector<std::size_t> bad;
  read_rejects(text, [&](const RejectRecord& record) {
    (record.entry ? good : bad).push_back(record.number);
    EXPECT_EQ(record.error.empty(), record.entry.has_value());
  });
  EXPECT_THAT(good, ElementsAre(1, 4));
  EXPECT_THAT(bad, ElementsAre(3));
}

}  // namespace
