#include "core/runtime/rejects/reject_entry.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)

namespace {

TEST(Base64, EncodesAndDecodesTheExamplesOfTheRfc) {
  for (const auto& [bytes, text] :
       std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                        {"f", "Zg=="},
                                                        {"fo", "Zm8="},
                                                        {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg=="},
                                                        {"fooba", "Zm9vYmE="},
                                                        {"foobar", "Zm9vYmFy"},
                                                        {"\xff\xfe", "//4="}}) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
}

TEST(Base64, RefusesInvalidText) {
  for (const char* text : {"Zg=", "Z", "Z===", "====", "Z=g=", "Zg==Zg==", "Zm9!", "Zm9 "})
    EXPECT_THROW((void)from_base64(text), std::invalid_argument) << text;
}

}  // namespace
