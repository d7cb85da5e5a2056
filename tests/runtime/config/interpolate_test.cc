#include "core/runtime/config/interpolate.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace {

using namespace etl::runtime;

std::optional<std::string> variables(const std::string& name) {
  if (name == "A") return "alpha";
  if (name == "_b2") return "beta";
  if (name == "EMPTY") return "";
  if (name == "SELF") return "${A}$$";
  return std::nullopt;
}

std::string expanded(std::string_view text) {
  const Expansion out = expand(text, variables);
  EXPECT_TRUE(out.problems.empty()) << text;
  return out.text;
}

TEST(Interpolate, PutsVariablesIn) {
  EXPECT_EQ(expanded("${A}"), "alpha");
  EXPECT_EQ(expanded("<${A}-${_b2}>"), "<alpha-beta>");
  EXPECT_EQ(expanded("${EMPTY}"), "");
}

TEST(Interpolate, TakesDefaultsWhereUnsetOrEmpty) {
  EXPECT_EQ(expanded("${A:-x}"), "alpha");
  EXPECT_EQ(expanded("${NO:-x y}"), "x y");
  EXPECT_EQ(expanded("${EMPTY:-x}"), "x");
  EXPECT_EQ(expanded("${NO:-}"), "");
  EXPECT_EQ(expanded("${NO:-a:-b}"), "a:-b");
  EXPECT_EQ(expanded("${NO:-$$${A}}"), "$$${A}");  // taken as it stands, up to the first brace
}

TEST(Interpolate, DoesNotExpandAgain) { EXPECT_EQ(expanded("${SELF}"), "${A}$$"); }

TEST(Interpolate, LeavesOtherDollars) {
  EXPECT_EQ(expanded("$$"), "$");
  EXPECT_EQ(expanded("$${A}"), "${A}");
  EXPECT_EQ(expanded("$$${A}"), "$alpha");
  EXPECT_EQ(expanded("a$b $ c$"), "a$b $ c$");
  EXPECT_EQ(expanded("$A"), "$A");
}

TEST(Interpolate, SaysWhetherAVariableWasPutIn) {
  EXPECT_TRUE(expand("4${NO:-}", variables).expanded);
  EXPECT_FALSE(expand("4 $$ $", variables).expanded);
}

TEST(Interpolate, NamesEveryProblem) {
  const Expansion out = expand("${NO} ${A} ${NEITHER} ${1x:-hunter2} ${", variables);
  ASSERT_EQ(out.problems.size(), 4U);
  EXPECT_EQ(out.problems[0].message, "environment variable \"NO\" is not set");
  EXPECT_EQ(out.problems[0].hint, "set it, or write ${NO:-default}");
  EXPECT_EQ(out.problems[1].message, "environment variable \"NEITHER\" is not set");
  EXPECT_EQ(out.problems[2].message, "\"1x\" is not the name of an environment variable");
  EXPECT_EQ(out.problems[3].message, "\"${\" has no closing \"}\"");
}

TEST(Interpolate, ReadsTheProcessEnvironment) {
  ASSERT_EQ(::setenv("ETL_CONFIG_TEST", "here", 1), 0);
  EXPECT_EQ(environment_variable("ETL_CONFIG_TEST"), "here");
  ASSERT_EQ(::unsetenv("ETL_CONFIG_TEST"), 0);
  EXPECT_EQ(environment_variable("ETL_CONFIG_TEST"), std::nullopt);
}

}  // namespace
