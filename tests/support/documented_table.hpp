/// \file
/// Tables of the plugins' notes, compared with those of the code that they show.
#pragma once

#include <etl/error.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

namespace etl_test {

/// What the docs say that follows from an error.
inline std::string outcome_of(etl::Code code) {
  static const std::map<etl::Code, std::string> words = {
      {etl::Code::transient, "retried"}, {etl::Code::permanent, "the partition fails"},
      {etl::Code::missing, "`missing`"}, {etl::Code::config, "the pipeline is wrong"},
      {etl::Code::cancelled, "stopped"}, {etl::Code::internal, "a defect"}};
  return words.at(code);
}

/// Fails the test unless the page holds exactly this table: line for line, and no line more.
inline void expect_documented(const std::filesystem::path& page, const std::string& table) {
  std::ifstream in(page);
  ASSERT_TRUE(in.good()) << page;
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_NE(text.find("\n\n" + table + "\n"), std::string::npos)
      << page << " should have this table:\n"
      << table;
}

}  // namespace etl_test
