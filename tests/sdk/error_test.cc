#include <etl/error.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace {

using etl::Code;
using etl::Error;

etl_error filled(auto&& thrown) {
  etl_error out = etl::v1::detail::empty_error();
  try {
    throw thrown;
  } catch (...) {
    EXPECT_EQ(etl::v1::detail::fill_from_current(&out), out.code);
  }
  return out;
}

TEST(ErrorTest, FramesGoInFront) {
  const Error error = Error::transient("disk I/O error").with("COPY t").with("sink \"db\"");
  EXPECT_STREQ(error.what(), "sink \"db\": COPY t: disk I/O error");
  EXPECT_EQ(error.code(), Code::transient);
}

TEST(ErrorTest, CrossesTheAbiCompletely) {
  const etl_error abi =
      filled(Error::transient("busy").about("path").retry_after(std::chrono::milliseconds(1500)));
  const Error back = etl::v1::detail::to_error(abi.code, abi);
  EXPECT_EQ(back.code(), Code::transient);
  EXPECT_EQ(back.message(), "busy");
  EXPECT_EQ(back.option(), "path");
  EXPECT_EQ(back.retry_after().count(), 1500);
}

TEST(ErrorTest, OtherExceptionsKeepTheirText) {
  EXPECT_EQ(filled(std::runtime_error("boom")).code, ETL_INTERNAL);
  EXPECT_STREQ(filled(std::runtime_error("boom")).message, "boom");
  EXPECT_EQ(filled(std::bad_alloc()).code, ETL_TRANSIENT);
  EXPECT_STREQ(filled(42).message, "unknown exception");
}

TEST(ErrorTest, ALongTextIsCutBetweenCharacters) {
  std::string text;
  while (text.size() < 3000) text += "é";
  const std::string cut = filled(Error::permanent(text)).message;
  EXPECT_LT(cut.size(), 2048U);
  EXPECT_EQ(cut.substr(cut.size() - 3), "...");
  EXPECT_EQ(text.compare(0, cut.size() - 3, cut, 0, cut.size() - 3), 0);
  EXPECT_EQ((cut.size() - 3) % 2, 0U) << "half an é is left";
}

}  // namespace
