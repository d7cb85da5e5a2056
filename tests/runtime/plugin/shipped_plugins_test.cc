// The symbols that the plugins installed with etl export and need, as the ABI promises.
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <sstream>

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// Lines of a command's output.
std::vector<std::string> lines_of(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
  std::string text;
  for (int c = std::fgetc(pipe.get()); c != EOF; c = std::fgetc(pipe.get())) {
    text += static_cast<char>(c);
  }
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<fs::path> shipped() {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(TEST_SHIPPED_PLUGINS)) {
    if (entry.path().extension() == ".so") found.push_back(entry.path());
  }
  EXPECT_GE(found.size(), 3U) << "wikipedia, sqlite and postgres";
  return found;
}

TEST(ShippedPluginsTest, ExportOneSymbol) {
  for (const fs::path& path : shipped()) {
    std::vector<std::string> symbols;
    for (const std::string& line : lines_of("nm -D --defined-only " + path.string())) {
      symbols.push_back(line.substr(line.rfind(' ') + 1));
    }
    EXPECT_THAT(symbols, ElementsAre("etl_plugin_v1")) << path;
  }
}

TEST(ShippedPluginsTest, NeedNothingOfTheRunner) {
  for (const fs::path& path : shipped()) {
    for (const std::string& line : lines_of("readelf -d " + path.string())) {
      if (line.find("(NEEDED)") == std::string::npos) continue;
      EXPECT_THAT(line, Not(HasSubstr("etl"))) << path;
    }
    for (const std::string& line : lines_of("nm -D -C --undefined-only " + path.string())) {
      EXPECT_THAT(line, Not(HasSubstr("etl::"))) << path;
    }
  }
}

TEST(ShippedPluginsTest, TestPluginsAreNotAmongThem) {
  for (const fs::path& path : shipped()) {
    EXPECT_THAT(path.stem().string(), testing::AnyOf("wikipedia", "sqlite", "postgres"));
  }
}

}  // namespace
