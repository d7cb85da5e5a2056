#include "core/runtime/base/suggest.hpp"

#include <gtest/gtest.h>

namespace {

using namespace etl::runtime;

const std::vector<std::string> options{"languages", "codes", "projects", "access", "column"};

TEST(Suggest, FindsSlipsOfThePen) {
  EXPECT_EQ(nearest("langauges", options), "languages");  // swapped
  EXPECT_EQ(nearest("language", options), "languages");   // one letter missing
  EXPECT_EQ(nearest("acccess", options), "access");       // one letter extra
  EXPECT_EQ(nearest("colums", options), "column");        // one letter different
  EXPECT_EQ(nearest("Languages", options), "languages");
  EXPECT_EQ(nearest("memory-limit", {"memory_limit"}), "memory_limit");
}

TEST(Suggest, FindsBeginnings) {
  EXPECT_EQ(nearest("lang", options), "languages");
  EXPECT_EQ(nearest("columns_to_read", options), "column");
  EXPECT_EQ(nearest("la", options), std::nullopt);
}

TEST(Suggest, PrefersTheNearest) {
  EXPECT_EQ(nearest("sink", {"sinks", "sin", "link"}), "sinks");
  EXPECT_EQ(nearest("retry", {"retries", "retry_delay"}), "retry_delay");
  EXPECT_EQ(nearest("worker", {"works", "workers"}), "workers");
}

TEST(Suggest, FindsNothingFarOff) {
  EXPECT_EQ(nearest("password", options), std::nullopt);
  EXPECT_EQ(nearest("", options), std::nullopt);
  EXPECT_EQ(nearest("x", {"y"}), std::nullopt);
  EXPECT_EQ(nearest("codes", {}), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'a'), options), std::nullopt);
}

TEST(Suggest, SaysSo) {
  EXPECT_EQ(did_you_mean("code", options), "did you mean \"codes\"?");
  EXPECT_EQ(did_you_mean("zzz", {"a", "b"}), "available: \"a\", \"b\"");
  EXPECT_EQ(did_you_mean("zzz", {}), "");
}

TEST(Suggest, CutsLongLists) {
  const std::vector<std::string> many(40, "x");
  EXPECT_TRUE(listed(many).ends_with("\"x\" and 10 more"));
}

}  // namespace
