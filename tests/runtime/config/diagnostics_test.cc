#include "core/runtime/config/diagnostics.hpp"

#include "core/runtime/base/utf8.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace {

using namespace etl::runtime;

TEST(Diagnostics, AreSortedByPlace) {
  Diagnostics diagnostics;
  diagnostics.source("b.toml", "one\ntwo\n");
  diagnostics.warning({"b.toml", 2, 2}, "fourth");
  diagnostics.error({"b.toml", 2, 1}, "third", "do this");
  diagnostics.error({"b.toml", 0, 0}, "second");
  diagnostics.error({"a.toml", 9, 9}, "first");
  EXPECT_EQ(diagnostics.text(false),
            "a.toml:9:9: error: first\n"
            "b.toml: error: second\n"
            "b.toml:2:1: error: third\n"
            "    2 | two\n"
            "      | ^\n"
            "  hint: do this\n"
            "b.toml:2:2: warning: fourth\n"
            "    2 | two\n"
            "      |  ^\n");
  EXPECT_EQ(diagnostics.all().front().message, "fourth");
}

TEST(Diagnostics, FailOnErrorsOnly) {
  Diagnostics diagnostics;
  EXPECT_EQ(diagnostics.text(true), "");
  diagnostics.warning({"a", 1, 1}, "careful");
  EXPECT_FALSE(diagnostics.failed());
  diagnostics.error({"a", 1, 1}, "wrong");
  EXPECT_TRUE(diagnostics.failed());
}

TEST(Diagnostics, Json) {
  Diagnostics diagnostics;
  diagnostics.warning({"a.toml", 3, 4}, "careful", "look");
  diagnostics.error({"a.toml", 0, 0}, "broken \xff \x1b[31m");
  EXPECT_EQ(diagnostics.json(), nlohmann::json::parse(R"([
    {"file": "a.toml", "line": 0, "column": 0, "severity": "error",
     "message": "broken \ufffd \ufffd[31m", "hint": ""},
    {"file": "a.toml", "line": 3, "column": 4, "severity": "warning",
     "message": "careful", "hint": "look"}])"));
}

TEST(Diagnostics, ColourOnlyWhenAsked) {
  Diagnostics diagnostics;
  diagnostics.source("a", "x");
  diagnostics.error({"a", 1, 1}, "wrong", "hint");
  EXPECT_EQ(diagnostics.text(false).find('\x1b'), std::string::npos);
  EXPECT_NE(diagnostics.text(true).find("\x1b[1;31merror"), std::string::npos);
}

TEST(Diagnostics, HintsMayHaveSeveralLines) {
  Diagnostics diagnostics;
  diagnostics.error({"a.toml", 0, 0}, "one\nline", "first\n  second \x1b\n");
  EXPECT_EQ(diagnostics.text(false),
            "a.toml: error: one\uFFFDline\n  hint: first\n  second \uFFFD\n");
}

std::string shown(const std::string& text, const Position& position,
                  const Position* secret = nullptr) {
  Diagnostics diagnostics;
  diagnostics.source("f", text);
  if (secret != nullptr) diagnostics.conceal(*secret);
  diagnostics.error(position, "m");
  const std::string out = diagnostics.text(false);
  return out.substr(out.find('\n') + 1);
}

TEST(Diagnostics, CaretsStandUnderTheirText) {
  EXPECT_EQ(shown("\tab\tc", {"f", 1, 2, 2}), "    1 |     ab  c\n      |     ^~\n");
  EXPECT_EQ(shown("\tab\tc", {"f", 1, 5}), "    1 |     ab  c\n      |         ^\n");
  EXPECT_EQ(shown("日本 x", {"f", 1, 4}), "    1 | 日本 x\n      |      ^\n");
  EXPECT_EQ(shown("日本 x", {"f", 1, 2, 1}), "    1 | 日本 x\n      |   ^~\n");
  EXPECT_EQ(shown("e\xCC\x81x", {"f", 1, 3}), "    1 | e\xCC\x81x\n      |  ^\n");
  EXPECT_EQ(shown("🙂x", {"f", 1, 2}), "    1 | 🙂x\n      |   ^\n");
}

TEST(Diagnostics, PlacesOutsideTheTextAreBorne) {
  EXPECT_EQ(shown("ab", {"f", 1, 9, 9}), "    1 | ab\n      |   ^\n");
  EXPECT_EQ(shown("ab", {"f", 7, 1}), "    7 | \n      | ^\n");
  EXPECT_EQ(shown("ab", {"f", 1, 0}), "    1 | ab\n      | ^\n");
  EXPECT_EQ(shown("ab", {"f", 1, 1, 0}), "    1 | ab\n      | ^\n");
  EXPECT_EQ(shown("ab\ncd", {"f", 1, 2, 4}), "    1 | ab\n      |  ^\n");
  EXPECT_EQ(shown("ab", {"other", 1, 1}), "");
}

TEST(Diagnostics, LineEndsAndByteOrderMarkAreNotShown) {
  EXPECT_EQ(shown("\xEF\xBB\xBF"
                  "ab\r\ncd\r\n",
                  {"f", 1, 1}),
            "    1 | ab\n      | ^\n");
  EXPECT_EQ(shown("\xEF\xBB\xBF"
                  "ab\r\ncd\r\n",
                  {"f", 2, 2}),
            "    2 | cd\n      |  ^\n");
}

TEST(Diagnostics, NothingReachesTheTerminalRaw) {
  EXPECT_EQ(shown(std::string("a\x1b[2J\x00\xff\xC2\x9Bz", 10), {"f", 1, 1}),
            "    1 | a\uFFFD[2J\uFFFD\uFFFD\uFFFDz\n      | ^\n");
}

TEST(Diagnostics, LongLinesAreCutAroundThePlace) {
  const std::string line = std::string(300, 'a') + "X" + std::string(300, 'b');
  const std::string out = shown(line, {"f", 1, 301});
  EXPECT_EQ(out, "    1 | ..." + std::string(40, 'a') + "X" + std::string(69, 'b') +
                     "...\n      | " + std::string(43, ' ') + "^\n");
  EXPECT_EQ(shown(line, {"f", 1, 1, 1000}),
            "    1 | " + std::string(110, 'a') + "...\n      | ^" + std::string(109, '~') + "\n");
}

TEST(Diagnostics, SecretsAreMasked) {
  const Position secret{"f", 1, 7, 9};
  EXPECT_EQ(shown("dsn = \"hunter2\" # c", {"f", 1, 1, 3}, &secret),
            "    1 | dsn = *** # c\n      | ^~~\n");
  EXPECT_EQ(shown("dsn = \"hunter2\" # c", {"f", 1, 7, 9}, &secret),
            "    1 | dsn = *** # c\n      |       ^~~\n");
  EXPECT_EQ(shown("dsn = \"hunter2\" # c", {"f", 1, 17}, &secret),
            "    1 | dsn = *** # c\n      |           ^\n");
  const Position lines{"f", 1, 5, 13};  // to the end of the second line's closing quotes
  const std::string text = "a = \"\"\"one\r\ntwo\"\"\" # c\nrest";
  EXPECT_EQ(shown(text, {"f", 1, 1}, &lines), "    1 | a = ***\n      | ^\n");
  EXPECT_EQ(shown(text, {"f", 2, 1}, &lines), "    2 | *** # c\n      | ^~~\n");
  EXPECT_EQ(shown(text, {"f", 3, 1}, &lines), "    3 | rest\n      | ^\n");
}

TEST(Diagnostics, MasksAlsoWhatWasReportedBefore) {
  Diagnostics diagnostics;
  diagnostics.source("f", "a = 'hunter2'");
  diagnostics.error({"f", 1, 1}, "m");
  diagnostics.conceal({"f", 1, 5, 9});
  EXPECT_EQ(diagnostics.text(false).find("hunter2"), std::string::npos);
}

TEST(Diagnostics, QuotesWhatIsNotPrintable) {
  EXPECT_EQ(in_quotes("a\tb\nc\x1b\xff"
                      "é"),
            "\"a\\tb\\nc\\u001B\\xFFé\"");
  EXPECT_EQ(in_quotes(std::string(100, 'x')), '"' + std::string(80, 'x') + "...\"");
}

}  // namespace
