#include "plugins/wikipedia/parse/page_view_line.hpp"

#include <gtest/gtest.h>

#include <string>

namespace wikipedia {
namespace {

using namespace std::string_literals;

PageViewLine good(std::string_view line) {
  PageViewLine fields;
  EXPECT_EQ(split_line(line, fields), "") << line;
  return fields;
}
std::string_view bad(std::string_view line) {
  PageViewLine fields;
  return split_line(line, fields);
}

TEST(PageViewLine, FourFields) {
  const PageViewLine line = good("fr.m Tour_Eiffel 42 7");
  EXPECT_EQ(line.code, "fr.m");
  EXPECT_EQ(line.title, "Tour_Eiffel");
  EXPECT_EQ(line.views, 42);
  EXPECT_EQ(line.response_bytes, 7);
}

TEST(PageViewLine, FifthFieldIsPartOfTheTitle) {
  EXPECT_EQ(good("fr Tour Eiffel 42 0").title, "Tour Eiffel");
  EXPECT_EQ(good("fr  Eiffel 42 0").title, " Eiffel");
  EXPECT_EQ(good("fr 1 2 3 4 5").title, "1 2 3");
}

TEST(PageViewLine, TitlesAreAnythingElse) {
  for (const std::string title :
       {"-", "na", "null", "NaN", "a\tb", "a\rb", "C++", "100%", "%CE%A3", "a\\b", "\\", "\xC2\xA0",
        "\xE2\x80\xA8", "\xEF\xBF\xBD", "\xFF", "a,b;c", "?????"}) {
    EXPECT_EQ(good("fr " + title + " 1 0").title, title);
  }
}

TEST(PageViewLine, Numbers) {
  EXPECT_EQ(good("fr a 9223372036854775807 0").views, INT64_MAX);
  EXPECT_EQ(good("fr a 1 9223372036854775807").response_bytes, INT64_MAX);
  EXPECT_EQ(good("fr a 00000000000000000000000000007 0").views, 7);
  EXPECT_EQ(bad("fr a 9223372036854775808 0"), reason::views_range);
  EXPECT_EQ(bad("fr a 1 9223372036854775808"), reason::bytes_range);
  EXPECT_EQ(bad("fr a 99999999999999999999999999 0"), reason::views_range);
  for (const std::string number :
       {"", "x", "-1", "+1", "1.0", "1e3", "0x1", "1_000", "\xD9\xA1", "1\t"}) {
    EXPECT_EQ(bad("fr a " + number + " 0"), reason::views_no_number) << number;
    EXPECT_EQ(bad("fr a 1 " + number), reason::bytes_no_number) << number;
  }
}

TEST(PageViewLine, Malformed) {
  EXPECT_EQ(bad(""), reason::empty_line);
  EXPECT_EQ(bad(" "), reason::empty_code);
  EXPECT_EQ(bad(" Main_Page 5 0"), reason::empty_code);
  EXPECT_EQ(bad("fr"), reason::few_fields);
  EXPECT_EQ(bad("fr a"), reason::few_fields);
  EXPECT_EQ(bad("fr a 5"), reason::few_fields);
  EXPECT_EQ(bad("fr  5"), reason::few_fields);
  EXPECT_EQ(bad("fr  5 0"), reason::empty_title);
  EXPECT_EQ(bad("fr a\0b 5 0"s), reason::nul);
  EXPECT_EQ(bad("fr " + std::string(max_line, 'a') + " 5 0"), reason::too_long);
  EXPECT_EQ(good("fr " + std::string(max_line - 7, 'a') + " 5 0").title.size(), max_line - 7);
}

TEST(PageViewLine, OneCarriageReturnBelongsToTheEnd) {
  EXPECT_EQ(without_cr("fr a 5 0\r"), "fr a 5 0");
  EXPECT_EQ(without_cr("fr a 5 0\r\r"), "fr a 5 0\r");
  EXPECT_EQ(without_cr("\r"), "");
  EXPECT_EQ(without_cr(""), "");
}

TEST(PageViewLine, SparkTitlesAreUnwrapped) {
  EXPECT_EQ(unquote_title(R"("\"W\"_x")"), R"("W"_x)");
  EXPECT_EQ(unquote_title(R"("\"")"), R"(")");
  EXPECT_EQ(unquote_title(R"("a_\"b\"_c")"), R"(a_"b"_c)");
  EXPECT_EQ(unquote_title(R"("")"), "");
  EXPECT_EQ(unquote_title(R"("a\\b\"c")"), R"(a\b"c)");  // the backslash was doubled
  EXPECT_EQ(unquote_title(R"("a\b\"c")"), R"(a\b"c)");   // or not
  EXPECT_EQ(unquote_title(R"("a\\\"b")"), R"(a\"b)");
  EXPECT_EQ(unquote_title(R"("\"\\")"), R"("\)");
}

TEST(PageViewLine, OlderTitlesStay) {
  for (const char* title :
       {R"("Heroes")", R"("Weird_Al"_Yankovic)", R"(Gene_"Bo")", R"("A"_and_"B")", R"(")", R"(""")",
        R"("a"b")", R"("\")", R"("a\b")", R"(\"a\")", R"(a"b)", "plain", R"(a\b)", "\\"}) {
    EXPECT_EQ(unquote_title(title), std::nullopt) << title;
  }
}

}  // namespace
}  // namespace wikipedia
