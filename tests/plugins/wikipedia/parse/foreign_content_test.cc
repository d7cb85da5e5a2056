#include "plugins/wikipedia/parse/foreign_content.hpp"

#include "tests/plugins/common/support.hpp"

#include <gtest/gtest.h>

#include <string>

namespace wikipedia {
namespace {

TEST(ForeignContent, IsNamed) {
  EXPECT_EQ(foreign_content(test::gzip("fr A 1 0\n")), "gzip again: it was compressed twice");
  EXPECT_EQ(foreign_content("BZh91AY&SY"), "bzip2");
  EXPECT_EQ(foreign_content(std::string("\xFD"
                                        "7zXZ\0",
                                        6)),
            "xz");
  EXPECT_EQ(foreign_content("\x28\xB5\x2F\xFD"), "zstd");
  EXPECT_EQ(foreign_content("PK\x03\x04"), "a zip archive");
  EXPECT_EQ(foreign_content("\xFE\xFF"), "text in UTF-16, not UTF-8");
  EXPECT_EQ(foreign_content("\xEF\xBB\xBF<?xml"), "a web page or XML");
  EXPECT_EQ(foreign_content(" \r\n\t<HTML>"), "a web page or XML");
  EXPECT_EQ(foreign_content("[1]"), "JSON");
}

// The archives of Python's tarfile, in all its formats, are the oracle.
TEST(ForeignContent, IsATarOfAnyKind) {
  for (const std::string format : {"USTAR_FORMAT", "GNU_FORMAT", "PAX_FORMAT"}) {
    const auto archive = test::reference({"tar", format});
    ASSERT_EQ(archive.size(), 1U);
    std::string bytes;
    for (std::size_t at = 0; at < archive[0].size(); at += 2) {
      bytes += static_cast<char>(std::stoi(archive[0].substr(at, 2), nullptr, 16));
    }
    EXPECT_EQ(foreign_content(bytes), "a tar archive") << format;
    // V7, the oldest variety, has no magic; its checksum is that of the other bytes.
    EXPECT_EQ(foreign_content(bytes.substr(0, 511)), "") << "not a whole header";
    ++bytes[0];
    EXPECT_EQ(foreign_content(bytes), "") << "wrong checksum";
  }
}

TEST(ForeignContent, IsNoHourFile) {
  for (const char* text : {"", "\n", "fr A 1 0\n",
                           "\xEF\xBB\xBF"
                           "fr A 1 0\n",
                           "\"fr\" A 1 0\n", "BZ A 1 0\n", "P", "\x1F\x8B"}) {
    EXPECT_EQ(foreign_content(text), "") << text;
  }
}

}  // namespace
}  // namespace wikipedia
