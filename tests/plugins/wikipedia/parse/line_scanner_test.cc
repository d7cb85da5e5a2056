#include "plugins/wikipedia/parse/line_scanner.hpp"

#include "plugins/common/text/cpu.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace wikipedia {
namespace {

using Finder = std::size_t (*)(const char*, std::size_t, std::uint32_t*);

std::vector<std::uint32_t> found(Finder find, std::string_view text) {
  std::vector<std::uint32_t> ends(text.size() + newline_slack);
  ends.resize(find(text.data(), text.size(), ends.data()));
  return ends;
}

std::vector<std::uint32_t> expected(std::string_view text) {
  std::vector<std::uint32_t> ends;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\n') ends.push_back(static_cast<std::uint32_t>(at));
  }
  return ends;
}

/// Contains many bytes that careless bit arithmetic would take for a newline.
std::string random_text(std::mt19937& random, std::size_t size) {
  constexpr std::string_view bytes = "\n\n\x0b\x09\x8a\r\x00 x\xff\x85";
  std::string text(size, '\0');
  for (char& c : text) c = bytes[random() % bytes.size()];
  return text;
}

TEST(LineScanner, FindsEveryNewlineAndNothingElse) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string text = random_text(random, size + 3);
    for (std::size_t start = 0; start < 3; ++start) {  // loads need no alignment
      const std::string_view view = std::string_view(text).substr(start, size);
      EXPECT_EQ(found(&detail::find_newlines_portable, view), expected(view));
      EXPECT_EQ(found(&find_newlines, view), expected(view));
      if (text::has_avx2()) {
        EXPECT_EQ(found(&detail::find_newlines_avx2, view), expected(view));
      }
    }
  }
}

TEST(LineScanner, NothingButNewlines) {
  const std::string text(1000, '\n');
  EXPECT_EQ(found(&find_newlines, text), expected(text));
  EXPECT_EQ(found(&detail::find_newlines_portable, text), expected(text));
}

}  // namespace
}  // namespace wikipedia
