#include "core/runtime/base/terminal.hpp"

#include <gtest/gtest.h>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)

constexpr const char* one_row_up = "\x1b[1A\x1b[2K";

std::string rows_up(int rows) {
  std::string text;
  for (int i = 0; i < rows; ++i) text += one_row_up;
  return text;
}

TEST(CutTest, CountsColumnsAndKeepsCharactersWhole) {
  EXPECT_EQ(cut("plain", 3), "pla");
  EXPECT_EQ(cut("plain", 5), "plain");
  EXPECT_EQ(cut("日本語", 5), "日本");
  EXPECT_EQ(cut("e\u0301te\u0301", 2), "e\u0301t");
  EXPECT_EQ(cut("", 3), "");
}

TEST(RedrawnLinesTest, ReplaceTheLinesBefore) {
  RedrawnLines lines;
  EXPECT_EQ(lines.replace({"one", "two"}, {80, 24}), "one\ntwo\n");
  EXPECT_EQ(lines.replace({"three"}, {80, 24}), rows_up(2) + "three\n");
  EXPECT_EQ(lines.erase({80, 24}), rows_up(1));
  EXPECT_EQ(lines.erase({80, 24}), "");
}

TEST(RedrawnLinesTest, NoLineWrapsOrScrollsAway) {
  RedrawnLines lines;
  EXPECT_EQ(lines.replace({"0123456789", "b", "c", "d"}, {10, 4}), "012345678\nb\n... and 2\n");
}

TEST(RedrawnLinesTest, InANarrowerWindowALineTakesSeveralRows) {
  RedrawnLines lines;
  (void)lines.replace({std::string(40, 'x'), "b"}, {80, 24});
  EXPECT_EQ(lines.erase({20, 24}), rows_up(3));
  (void)lines.replace({std::string(41, 'x')}, {80, 24});
  EXPECT_EQ(lines.erase({20, 24}), rows_up(3));
}

TEST(RedrawnLinesTest, AnUnknownSizeCutsNothing) {
  RedrawnLines lines;
  EXPECT_EQ(lines.replace({std::string(500, 'x')}, {}), std::string(500, 'x') + "\n");
  EXPECT_EQ(lines.erase({}), rows_up(1));
}

}  // namespace
