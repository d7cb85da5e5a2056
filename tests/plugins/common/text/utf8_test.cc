#include "plugins/common/text/utf8.hpp"

#include "plugins/common/text/cpu.hpp"
#include "tests/plugins/common/support.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace text {
namespace {

using namespace std::string_literals;

/// Returns valid and invalid sequences around the limits, mixed with ASCII.
std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> pieces = {"a",
                                                  "bcdefgh",
                                                  std::string(40, 'x'),
                                                  "\xC2\x80",
                                                  "\xDF\xBF",
                                                  "\xE0\xA0\x80",
                                                  "\xED\x9F\xBF",
                                                  "\xEE\x80\x80",
                                                  "\xEF\xBF\xBD",
                                                  "\xF0\x90\x80\x80",
                                                  "\xF4\x8F\xBF\xBF",
                                                  "\xE2\x80\xA8",
                                                  "\xC0\x80",
                                                  "\xC1\xBF",
                                                  "\xE0\x9F\xBF",
                                                  "\xED\xA0\x80",
                                                  "\xF0\x8F\xBF\xBF",
                                                  "\xF4\x90\x80\x80",
                                                  "\xF5\x80\x80\x80",
                                                  "\xFF",
                                                  "\x80",
                                                  "\xBF",
                                                  "\xC2",
                                                  "\xE2\x80",
                                                  "\xF0\x9F\x98",
                                                  "\xF0\x9F",
                                                  "\xF8\x88\x80\x80\x80",
                                                  "\0"s};
  const bool only_valid = random() % 2 == 0;
  std::string text;
  for (std::size_t count = random() % 40; count > 0; --count) {
    text += pieces[random() % (only_valid ? 12 : pieces.size())];
  }
  if (random() % 4 == 0 && !text.empty())
    text[random() % text.size()] = static_cast<char>(random() & 0xFF);
  return text;
}

std::vector<std::string> texts() {
  std::mt19937 random(2);
  std::vector<std::string> texts = {""};
  for (int i = 0; i < 20000; ++i) texts.push_back(random_text(random));
  for (unsigned first = 0; first < 256; ++first) {  // every pair of bytes
    for (unsigned second = 0; second < 256; ++second) {
      texts.push_back({static_cast<char>(first), static_cast<char>(second)});
    }
  }
  for (std::size_t before = 0; before < 70;
       ++before) {  // every offset in a vector, also across its end
    for (const char* piece : {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF0\x9F\x98",
                              "\xE2\x82", "\xC3", "\x80", "\xED\xA0\x80"}) {
      texts.push_back(std::string(before, 'a') + piece);
      texts.push_back(std::string(before, 'a') + piece + std::string(40, 'b'));
    }
  }
  return texts;
}

TEST(Utf8, BothWaysAgreeWithPython) {
  const test::TempFolder folder;
  const std::vector<std::string> all = texts();
  std::string lines;
  for (const std::string& text : all) lines += test::hex(text) + "\n";
  const auto expected = test::reference({"utf8", folder.write("texts", lines).string()});
  ASSERT_EQ(expected.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool valid = expected[i].front() == '1';
    EXPECT_EQ(valid_utf8(all[i]), valid) << test::hex(all[i]);
    EXPECT_EQ(detail::valid_utf8_portable(all[i]), valid) << test::hex(all[i]);
    if (has_avx2()) {
      EXPECT_EQ(detail::valid_utf8_avx2(all[i]), valid) << test::hex(all[i]);
    }
    EXPECT_EQ(test::hex(replace_invalid_utf8(all[i])), expected[i].substr(2)) << test::hex(all[i]);
  }
}

TEST(Utf8, ReplacesEveryMaximalSubpartOnce) {
  // The example of the Unicode standard, table 3-11.
  EXPECT_EQ(replace_invalid_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"),
            "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\x41");
  EXPECT_EQ(replace_invalid_utf8("Sch\xFCttgut"), "Sch\xEF\xBF\xBDttgut");
}

}  // namespace
}  // namespace text
