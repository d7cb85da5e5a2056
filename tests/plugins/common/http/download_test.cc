// Successful downloads: files arrive byte for byte, with the expected requests.
#include "tests/plugins/common/http/fetch_fixture.hpp"

#include <filesystem>

namespace fetch_test {
namespace {

std::ptrdiff_t thread_count() {
  const std::filesystem::directory_iterator threads("/proc/self/task");
  return std::distance(begin(threads), end(threads));
}

TEST_F(FetchTest, AFileArrivesByteForByte) {
  const std::string content = serve("a.gz");
  auto fetcher = this->fetcher();
  const http::Fetched fetched = fetcher.get(remote("a.gz"), go_on);
  EXPECT_EQ(fetched.path, cached("a.gz.part"));
  EXPECT_EQ(fetched.downloaded, static_cast<std::int64_t>(content.size()));
  EXPECT_EQ(read_text(fetched.path), content);
}

TEST_F(FetchTest, TheRequestSaysWhoAsksAndWantsTheFileAsItIs) {
  serve("a.gz");
  auto fetcher = this->fetcher();
  EXPECT_FALSE(fetch(fetcher, "a.gz").empty());
  const std::vector<Json> seen = requests();
  ASSERT_EQ(seen.size(), 1U);
  const Json headers = seen.front().at("headers");
  EXPECT_EQ(headers.at("user-agent"), "etl-test/1.0 (test@example.org)");
  EXPECT_FALSE(headers.contains("accept-encoding"));
  EXPECT_FALSE(headers.contains("range"));
  EXPECT_EQ(seen.front().at("method"), "GET");
}

TEST_F(FetchTest, ASecondGetNeedsNoRequest) {
  const std::string content = serve("a.gz");
  auto fetcher = this->fetcher();
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  const http::Fetched again = fetcher.get(remote("a.gz"), go_on);
  EXPECT_EQ(read_text(again.path), content);
  EXPECT_EQ(again.downloaded, 0);
  EXPECT_EQ(requests().size(), 1U);
}

TEST_F(FetchTest, AFileDeletedBehindOurBackIsDownloadedAgain) {
  const std::string content = serve("a.gz");
  auto fetcher = this->fetcher();
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  std::filesystem::remove_all(cache_);
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  EXPECT_EQ(requests().size(), 2U);
}

TEST_F(FetchTest, AnEmptyBodyIsComplete) {
  serve("a.gz", 0);
  auto fetcher = this->fetcher();
  EXPECT_EQ(fetch(fetcher, "a.gz"), "");
  EXPECT_TRUE(std::filesystem::exists(cached("a.gz.part")));
}

TEST_F(FetchTest, ABodyOfUnsaidLengthIsComplete) {
  const std::string content = serve("a.gz");
  serve("b.gz", 70'000, 2);
  script(
      {{{"path", "/a.gz"}, {"content_length", nullptr}}, {{"path", "/b.gz"}, {"chunked", true}}});
  auto fetcher = this->fetcher();
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  EXPECT_EQ(fetch(fetcher, "b.gz"), read_text(served_ / "b.gz"));
}

TEST_F(FetchTest, AWebPageIsPassedOnWithAWarning) {
  script({{{"html", true}}});
  auto fetcher = this->fetcher();
  EXPECT_NE(fetch(fetcher, "a.gz").find("<html>"), std::string::npos);
  EXPECT_TRUE(host_.has_warned("text/html"));
  EXPECT_TRUE(host_.has_warned(server_->url() + "/a.gz"));
}

TEST_F(FetchTest, NoThreadRunsBeforeAFileIsWanted) {
  serve("a.gz");
  const auto before = thread_count();
  auto fetcher = this->fetcher();
  fetcher.expect({});
  fetcher.finish("a.gz");
  EXPECT_EQ(thread_count(), before);
  EXPECT_FALSE(std::filesystem::exists(cache_));
  EXPECT_FALSE(fetch(fetcher, "a.gz").empty());
  EXPECT_EQ(thread_count(), before + 1);
}

TEST_F(FetchTest, NamesThatLeaveTheFolderAreRefused) {
  auto fetcher = this->fetcher();
  for (const std::string name : {"", ".", "..", ".hidden", "a/b", "../a", "/a"}) {
    const http::Remote bad{name, server_->url() + "/a.gz"};
    EXPECT_EQ(error_of(fetcher, bad).code(), etl::Code::permanent) << name;
    EXPECT_THROW(fetcher.expect({bad}), etl::Error) << name;
  }
  EXPECT_TRUE(requests().empty());
}

TEST_F(FetchTest, PasswordsAreSentButShownNowhere) {
  const std::string content = serve("a.gz");
  script({{{"path", "/a.gz"}, {"cut", 1000}, {"times", 1}}});
  auto fetcher = this->fetcher();
  const std::string address = server_->url().substr(std::string("http://").size());
  const http::Remote secret{"a.gz", "http://user:hunter2@" + address + "/a.gz"};
  const etl::Error error = error_of(fetcher, secret);
  EXPECT_NE(error.message().find("http://" + address + "/a.gz"), std::string::npos)
      << error.message();
  EXPECT_EQ(error.message().find("hunter2"), std::string::npos) << error.message();
  EXPECT_EQ(read_text(cached("a.gz.part.meta")).find("hunter2"), std::string::npos);
  EXPECT_EQ(read_text(fetcher.get(secret, go_on).path), content);
  EXPECT_EQ(requests().back().at("headers").at("authorization"), "Basic dXNlcjpodW50ZXIy");
  EXPECT_EQ(requests().back().at("headers").at("range"), "bytes=1000-");
}

TEST_F(FetchTest, RedirectsAreFollowed) {
  const std::string content = serve("a.gz");
  script({{{"path", "/1"}, {"redirect", "/2"}, {"status", 301}},
          {{"path", "/2"}, {"redirect", server_->url() + "/3"}},
          {{"path", "/3"}, {"redirect", "/4"}, {"status", 303}},
          {{"path", "/4"}, {"redirect", "/5"}, {"status", 307}},
          {{"path", "/5"}, {"redirect", "/a.gz"}, {"status", 308}}});
  auto fetcher = this->fetcher();
  const http::Fetched fetched = fetcher.get({"x.gz", server_->url() + "/1"}, go_on);
  EXPECT_EQ(fetched.path, cached("x.gz.part"));
  EXPECT_EQ(read_text(fetched.path), content);
}

TEST_F(FetchTest, ARedirectedDownloadIsResumed) {
  const std::string content = serve("a.gz");
  script(
      {{{"path", "/1"}, {"redirect", "/a.gz"}}, {{"path", "/a.gz"}, {"cut", 1000}, {"times", 1}}});
  auto fetcher = this->fetcher();
  const http::Remote moved{"x.gz", server_->url() + "/1"};
  const etl::Error error = error_of(fetcher, moved);
  EXPECT_NE(error.message().find("redirected to " + server_->url() + "/a.gz"), std::string::npos);
  EXPECT_EQ(read_text(fetcher.get(moved, go_on).path), content);
  EXPECT_EQ(requests("a.gz").back().at("headers").at("range"), "bytes=1000-");
}

TEST_F(FetchTest, TooManyRedirectsAreRefused) {
  script({{{"path", "/a.gz"}, {"redirect", "/a.gz"}}});
  auto fetcher = this->fetcher();
  const etl::Error error = error_of(fetcher, "a.gz");
  EXPECT_EQ(error.code(), etl::Code::permanent);
  EXPECT_NE(error.message().find("the limit of 5 redirects"), std::string::npos) << error.message();
  EXPECT_EQ(requests().size(), 6U);
}

TEST_F(FetchTest, RedirectsToOtherProtocolsAreRefused) {
  write_file(root_ / "secret", "not for you");
  auto fetcher = this->fetcher();
  const std::string local = "file://" + (root_ / "secret").string();
  for (const std::string& target :
       {local, std::string("ftp://127.0.0.1/a"), std::string("gopher://127.0.0.1/a")}) {
    script({{{"redirect", target}}});
    const etl::Error error = error_of(fetcher, "a.gz");
    EXPECT_EQ(error.code(), etl::Code::permanent) << target;
    EXPECT_NE(error.message().find(target), std::string::npos) << error.message();
  }
}

TEST_F(FetchTest, ARedirectToNowhereIsNoAnswer) {
  script({{{"status", 302}}});
  auto fetcher = this->fetcher();
  EXPECT_EQ(error_of(fetcher, "a.gz").code(), etl::Code::permanent);
}

}  // namespace
}  // namespace fetch_test
