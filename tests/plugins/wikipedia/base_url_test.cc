#include "plugins/wikipedia/base_url.hpp"

#include "tests/plugins/common/support.hpp"

#include <gtest/gtest.h>

namespace wikipedia {
namespace {

TEST(BaseUrl, SlashAtTheEndIsTolerated) {
  for (const char* url :
       {"https://mirror.example/p", "https://mirror.example/p/", "HTTPS://mirror.example/p//"}) {
    EXPECT_EQ(BaseUrl(url).url("2016/x.gz"), "https://mirror.example/p/2016/x.gz") << url;
  }
  EXPECT_EQ(BaseUrl("http://localhost:8080").url("x"), "http://localhost:8080/x");
}

TEST(BaseUrl, PasswordIsFetchedWithButNotShown) {
  const BaseUrl base("https://user:p@ss@mirror.example:444/p");
  EXPECT_EQ(base.url("x"), "https://user:p@ss@mirror.example:444/p/x");
  EXPECT_EQ(base.shown("x"), "https://mirror.example:444/p/x");
}

TEST(BaseUrl, KnowsWikimediasServers) {
  for (const char* host :
       {"dumps.wikimedia.org", "wikimedia.org", "DUMPS.Wikimedia.ORG", "dumps.wikimedia.org.",
        "dumps.wikimedia.org:443", "user@dumps.wikimedia.org", "fr.wikipedia.org"}) {
    EXPECT_TRUE(BaseUrl(std::string("https://") + host + "/p").wikimedia()) << host;
  }
  for (const char* host :
       {"notwikimedia.org", "dumps.wikimedia.org.example", "mirror.example", "[::1]:8080",
        "dumps.wikimedia.org@mirror.example", "dumps.wikimedia.your.org"}) {
    EXPECT_FALSE(BaseUrl(std::string("https://") + host + "/mirror/wikimedia.org").wikimedia())
        << host;
  }
}

TEST(BaseUrl, LocalFolderIsPercentDecoded) {
  EXPECT_EQ(BaseUrl("file:///data/page%20views/%C3%A9/").folder(), "/data/page views/\xC3\xA9");
  EXPECT_EQ(BaseUrl("file://localhost/data").folder(), "/data");
  EXPECT_EQ(BaseUrl("file:///").folder(), "/");
  EXPECT_TRUE(BaseUrl("file:///data").local());
  EXPECT_FALSE(BaseUrl("https://mirror.example").local());
}

TEST(BaseUrl, OthersAreRefused) {
  for (const char* url : {"",
                          "https",
                          "ftp://mirror.example/p",
                          "/data",
                          "data",
                          "https://",
                          "https:///p",
                          "https://user@/p",
                          "https://mirror.example/p?x=1",
                          "https://mirror.example/p#x",
                          "https://mirror.example/a b",
                          "https://mirror.example/a\nb",
                          "file://server/data",
                          "file:///a%2",
                          "file:///a%zz",
                          "file:///a%00b",
                          "http://dumps.wikimedia.org/other/pageviews",
                          "https://mirror.example:port/p",
                          "https://mirror.example:65536/p",
                          "https://mirror.example:/p",
                          "https://[::1]:x/p",
                          "https://mirror.example/p@q"}) {
    const test::Thrown thrown = test::thrown_by([&] { BaseUrl base(url); });
    EXPECT_EQ(thrown.code, ETL_CONFIG) << url;
    EXPECT_EQ(thrown.option, "base_url") << url;
  }
}

TEST(BaseUrl, MessagesShowNothingThatMayBeAPassword) {
  for (const char* url :
       {"http://me:pass/secret@host/p", "http://me:12/secret@host/p", "http://me:pass?secret@host",
        "http://me:pass#secret@host", "http://me:pass secret@host", "http://me:x@host:secret",
        "me:secret@host", "file://me:secret@host/p", "http://me:secret@dumps.wikimedia.org/p"}) {
    const test::Thrown thrown = test::thrown_by([&] { BaseUrl base(url); });
    EXPECT_EQ(thrown.code, ETL_CONFIG) << url;
    EXPECT_EQ(thrown.message.find("secret"), std::string::npos) << thrown.message;
  }
}

}  // namespace
}  // namespace wikipedia
