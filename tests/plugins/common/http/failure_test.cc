// Failures of network and server, and the errors that report them.
#include "tests/plugins/common/http/fetch_fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <filesystem>

namespace fetch_test {
namespace {

using etl::Code;
using std::chrono::milliseconds;

bool mentions(const etl::Error& error, const std::string& part) {
  return error.message().find(part) != std::string::npos;
}

std::string http_date(std::chrono::seconds from_now) {
  const time_t time = std::time(nullptr) + from_now.count();
  char text[64];
  tm parts{};
  std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", ::gmtime_r(&time, &parts));
  return text;
}

struct StatusCase {
  int status;
  Code code;
};

class StatusTest : public FetchTest, public testing::WithParamInterface<StatusCase> {};

TEST_P(StatusTest, IsReportedAndLeavesNothingBehind) {
  const std::string content = serve("a.gz");
  script({{{"status", GetParam().status}, {"times", 1}}});
  auto fetcher = this->fetcher();
  const etl::Error error = error_of(fetcher, "a.gz");
  EXPECT_EQ(error.code(), GetParam().code);
  EXPECT_TRUE(mentions(error, "HTTP " + std::to_string(GetParam().status))) << error.message();
  EXPECT_TRUE(mentions(error, server_->url() + "/a.gz")) << error.message();
  EXPECT_EQ(error.retry_after(), milliseconds(0));
  EXPECT_TRUE(std::filesystem::is_empty(cache_));
  EXPECT_EQ(requests().size(), 1U) << "the fetcher must not try again by itself";
  EXPECT_EQ(fetch(fetcher, "a.gz"), content) << "the next get() starts anew";
}

INSTANTIATE_TEST_SUITE_P(
    Statuses, StatusTest,
    testing::Values(StatusCase{404, Code::missing}, StatusCase{410, Code::missing},
                    StatusCase{408, Code::transient}, StatusCase{429, Code::transient},
                    StatusCase{500, Code::transient}, StatusCase{502, Code::transient},
                    StatusCase{503, Code::transient}, StatusCase{504, Code::transient},
                    StatusCase{206, Code::transient}, StatusCase{400, Code::permanent},
                    StatusCase{401, Code::permanent}, StatusCase{403, Code::permanent},
                    StatusCase{416, Code::permanent}, StatusCase{451, Code::permanent}),
    [](const auto& each) { return std::to_string(each.param.status); });

TEST_F(FetchTest, AForbiddenFileComesWithTheLikelyReason) {
  script({{{"status", 403}}});
  auto fetcher = this->fetcher();
  EXPECT_TRUE(mentions(error_of(fetcher, "a.gz"), "do not identify themselves"));
}

TEST_F(FetchTest, RetryAfterIsPassedOn) {
  auto options = this->options();
  options.retry_after_limit = std::chrono::hours(24 * 99);
  http::Fetcher fetcher(options, host_.context());
  for (const int status : {429, 503}) {
    script({{{"status", status}, {"headers", {{"Retry-After", "7"}}}}});
    EXPECT_EQ(error_of(fetcher, "a.gz").retry_after(), milliseconds(7000)) << status;
  }
  script({{{"status", 503}, {"headers", {{"Retry-After", "99999999999999"}}}}});
  EXPECT_EQ(error_of(fetcher, "a.gz").retry_after(), std::chrono::hours(24 * 30));
  script({{{"status", 503}, {"headers", {{"Retry-After", "soon"}}}}});
  EXPECT_EQ(error_of(fetcher, "a.gz").retry_after(), milliseconds(0));
  script({{{"status", 404}, {"headers", {{"Retry-After", "7"}}}}});
  EXPECT_EQ(error_of(fetcher, "a.gz").retry_after(), milliseconds(0));
}

TEST_F(FetchTest, ALongerWaitThanAllowedIsLeftToTheNextRun) {
  auto options = this->options();
  options.retry_after_limit = milliseconds(7000);
  http::Fetcher fetcher(options, host_.context());
  script({{{"status", 503}, {"headers", {{"Retry-After", "7"}}}}});
  EXPECT_EQ(error_of(fetcher, "a.gz").retry_after(), milliseconds(7000));
  script({{{"status", 503}, {"headers", {{"Retry-After", "8"}}}}});
  const etl::Error error = error_of(fetcher, "a.gz");
  EXPECT_EQ(error.code(), Code::transient);
  EXPECT_EQ(error.retry_after(), milliseconds(-1));
  EXPECT_TRUE(mentions(error, "after 8 s, which exceeds retry_after_limit (7 s)"))
      << error.message();
}

TEST_F(FetchTest, RetryAfterMayBeADate) {
  auto options = this->options();
  options.retry_after_limit = std::chrono::hours(24 * 99);
  http::Fetcher fetcher(options, host_.context());
  const std::chrono::hours day(24);
  script({{{"status", 503}, {"headers", {{"Retry-After", http_date(day)}}}}});
  const auto wait = error_of(fetcher, "a.gz").retry_after();
  EXPECT_LE(wait, day);
  EXPECT_GT(wait, day - std::chrono::hours(1));
  script({{{"status", 503}, {"headers", {{"Retry-After", http_date(-day)}}}}});
  EXPECT_EQ(error_of(fetcher, "a.gz").retry_after(), milliseconds(0));
}

TEST_F(FetchTest, AStatusCountsEvenIfItsTextIsCutOrEndless) {
  auto fetcher = this->fetcher();
  script({{{"status", 503}, {"body", std::string(5000, 'x')}, {"cut", 10}}});
  EXPECT_TRUE(mentions(error_of(fetcher, "a.gz"), "HTTP 503"));
  script({{{"status", 404}, {"body", std::string(1'000'000, 'x')}, {"stall", 500'000}}});
  EXPECT_EQ(error_of(fetcher, "a.gz").code(), Code::missing);
}

TEST_F(FetchTest, MoreThanAnHourFileCanHaveIsRefused) {
  http::FetchOptions small = options();
  small.largest_file = 100'000;
  serve("fits.gz", 100'000);
  serve("large.gz", 100'001);
  for (const bool announced : {true, false}) {
    script({{{"chunked", !announced}}});
    http::Fetcher fetcher(small, host_.context());
    EXPECT_EQ(read_text(fetcher.get(remote("fits.gz"), go_on).path).size(), 100'000U);
    const etl::Error error = error_of(fetcher, "large.gz");
    EXPECT_EQ(error.code(), Code::permanent);
    EXPECT_TRUE(mentions(error, "the limit is 100000 bytes")) << error.message();
    EXPECT_FALSE(std::filesystem::exists(cached("large.gz.part")) &&
                 std::filesystem::file_size(cached("large.gz.part")) > 0);
    fetcher.finish("fits.gz");
  }
}

TEST_F(FetchTest, ARedirectThatIsCutIsTransient) {
  const std::string content = serve("a.gz");
  script({{{"path", "/1"}, {"redirect", "/a.gz"}, {"cut", 2}, {"times", 1}},
          {{"path", "/1"}, {"redirect", "/a.gz"}, {"cut", 0}, {"times", 1}},
          {{"path", "/1"}, {"redirect", "/a.gz"}}});
  auto fetcher = this->fetcher();
  const http::Remote moved{"a.gz", server_->url() + "/1"};
  EXPECT_EQ(error_of(fetcher, moved).code(), Code::transient);
  EXPECT_EQ(error_of(fetcher, moved).code(), Code::transient);
  EXPECT_EQ(read_text(fetcher.get(moved, go_on).path), content);
}

TEST_F(FetchTest, ABodyCutBeforeItsFirstByteIsCountedToo) {
  serve("a.gz");
  script({{{"cut", 0}}});
  auto fetcher = this->fetcher();
  const etl::Error error = error_of(fetcher, "a.gz");
  EXPECT_EQ(error.code(), Code::transient);
  EXPECT_TRUE(mentions(error, "got 0 of 100000 bytes")) << error.message();
}

TEST_F(FetchTest, EveryRequestHasAConnectionOfItsOwn) {
  serve("a.gz");
  serve("b.gz");
  script({{{"path", "/1"}, {"redirect", "/a.gz"}}, {{"path", "/c.gz"}, {"status", 503}}});
  auto fetcher = this->fetcher();
  EXPECT_FALSE(read_text(fetcher.get({"x.gz", server_->url() + "/1"}, go_on).path).empty());
  EXPECT_FALSE(fetch(fetcher, "b.gz").empty());
  EXPECT_EQ(error_of(fetcher, "c.gz").code(), Code::transient);
  EXPECT_EQ(log().at("connections"), 4);
}

TEST_F(FetchTest, ACutBodyIsTransientAndCounted) {
  const std::string content = serve("a.gz");
  script({{{"cut", 40'000}}});
  auto fetcher = this->fetcher();
  const etl::Error error = error_of(fetcher, "a.gz");
  EXPECT_EQ(error.code(), Code::transient);
  EXPECT_TRUE(mentions(error, "got 40000 of 100000 bytes")) << error.message();
  EXPECT_EQ(read_text(cached("a.gz.part")), content.substr(0, 40'000));
}

TEST_F(FetchTest, ACutChunkedBodyIsTransient) {
  serve("a.gz");
  script({{{"cut", 40'000}, {"chunked", true}}});
  auto fetcher = this->fetcher();
  EXPECT_EQ(error_of(fetcher, "a.gz").code(), Code::transient);
}

TEST_F(FetchTest, ALengthThatPromisesTooMuchIsTransient) {
  const std::string content = serve("a.gz");
  script({{{"content_length", 200'000}}});
  auto fetcher = this->fetcher();
  for (int attempt = 0; attempt < 2; ++attempt) {
    const etl::Error error = error_of(fetcher, "a.gz");
    EXPECT_EQ(error.code(), Code::transient);
    EXPECT_TRUE(mentions(error, "of 200000 bytes")) << error.message();
  }
  script(Json::array());
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
}

TEST_F(FetchTest, ALengthThatPromisesTooLittleIsTransientAndNothingIsKept) {
  const std::string content = serve("a.gz");
  script({{{"content_length", 1000},
           {"pause", 0.2},
           {"headers", {{"Connection", "keep-alive"}}},
           {"times", 1}}});
  auto fetcher = this->fetcher();
  const etl::Error error = error_of(fetcher, "a.gz");
  EXPECT_EQ(error.code(), Code::transient);
  EXPECT_TRUE(mentions(error, "more than it had announced (got 1000 of 1000 bytes)"))
      << error.message();
  EXPECT_TRUE(std::filesystem::is_empty(cache_));
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  EXPECT_FALSE(requests().back().at("headers").contains("range"));
}

TEST_F(FetchTest, SurplusThatComesWithTheEndIsNoticed) {
  const std::string content = serve("a.gz");
  const Json no_length{{"Content-Length", nullptr}, {"Transfer-Encoding", "chunked"}};
  for (const Json& rule : {Json{{"body", "a.gzmore"}, {"content_length", 4}},
                           Json{{"body", "4\r\na.gz\r\n0\r\n\r\nmore"}, {"headers", no_length}}}) {
    script({rule});
    auto fetcher = this->fetcher();
    const etl::Error error = error_of(fetcher, "a.gz");
    EXPECT_EQ(error.code(), Code::transient);
    EXPECT_TRUE(mentions(error, "more than it had announced")) << error.message();
    script(Json::array());
    EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  }
}

// Surplus that arrives late goes unnoticed. In no case may it be taken for the next file.
TEST_F(FetchTest, ALengthThatPromisesTooLittleSpoilsNoOtherFile) {
  const std::string content = serve("a.gz");
  const std::string other = serve("b.gz", 50'000, 2);
  script({{{"path", "/a.gz"},
           {"content_length", 1000},
           {"headers", {{"Connection", "keep-alive"}}},
           {"times", 1}}});
  auto fetcher = this->fetcher();
  try {
    EXPECT_EQ(fetch(fetcher, "a.gz"), content.substr(0, 1000));
    fetcher.corrupt("a.gz");
  } catch (const etl::Error& error) {
    EXPECT_EQ(error.code(), Code::transient);
  }
  EXPECT_EQ(fetch(fetcher, "b.gz"), other);
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
}

TEST_F(FetchTest, ARestThatIsLongerThanItShouldBeIsTransientAndNothingIsKept) {
  const std::string content = serve("a.gz");
  script({{{"cut", 40'000}, {"nth", 1}}});
  auto fetcher = this->fetcher();
  EXPECT_EQ(error_of(fetcher, "a.gz").code(), Code::transient);
  const std::string etag = requests().at(0).at("etag");
  script({{{"status", 206},
           {"body", std::string(70'000, 'x')},
           {"chunked", true},
           {"headers", {{"Content-Range", "bytes 40000-99999/100000"}, {"ETag", etag}}}}});
  const etl::Error error = error_of(fetcher, "a.gz");
  EXPECT_EQ(error.code(), Code::transient);
  EXPECT_TRUE(mentions(error, "more than it had announced (got 110000 of 100000 bytes)"))
      << error.message();
  EXPECT_TRUE(std::filesystem::is_empty(cache_));
  script(Json::array());
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
}

TEST_F(FetchTest, AResetConnectionIsTransient) {
  const std::string content = serve("a.gz");
  auto fetcher = this->fetcher();
  for (const int after : {0, 1, 50'000}) {
    script({{{"reset", after}}});
    EXPECT_EQ(error_of(fetcher, "a.gz").code(), Code::transient) << after;
  }
  script(Json::array());
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
}

TEST_F(FetchTest, ARefusedConnectionIsTransient) {
  const http::Remote gone = remote("a.gz");
  server_.reset();
  auto fetcher = this->fetcher();
  for (int attempt = 0; attempt < 3; ++attempt) {
    const etl::Error error = error_of(fetcher, gone);
    EXPECT_EQ(error.code(), Code::transient);
    EXPECT_TRUE(mentions(error, gone.url + ": Couldn't connect to server")) << error.message();
  }
}

TEST_F(FetchTest, AnUnknownHostIsTransient) {
  auto options = this->options();
  options.connect_timeout = milliseconds(2000);
  http::Fetcher fetcher(options, host_.context());
  const etl::Error error =
      error_of(fetcher, http::Remote{"a.gz", "http://no-such-host.invalid/a.gz"});
  EXPECT_EQ(error.code(), Code::transient) << error.message();
}

TEST_F(FetchTest, AMalformedUrlIsPermanent) {
  auto fetcher = this->fetcher();
  for (const std::string url :
       {"http://[::1/a.gz", "http://", "", "file:///etc/passwd", "gopher://a/b"}) {
    const etl::Error error = error_of(fetcher, http::Remote{"a.gz", url});
    EXPECT_EQ(error.code(), Code::permanent) << error.message();
  }
}

/// A port with a full backlog, so that connecting never completes.
class FullPort {
 public:
  FullPort() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address_);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address_), size), 0);
    EXPECT_EQ(::listen(listener_, 0), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address_), &size), 0);
    for (int& each : fillers_) {
      each = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      (void)::connect(each, reinterpret_cast<sockaddr*>(&address_), size);
    }
  }
  ~FullPort() {
    for (const int each : fillers_) ::close(each);
    ::close(listener_);
  }
  FullPort(const FullPort&) = delete;
  FullPort& operator=(const FullPort&) = delete;
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(::ntohs(address_.sin_port)) + "/a.gz";
  }

 private:
  sockaddr_in address_{};
  int listener_;
  int fillers_[4]{};
};

TEST_F(FetchTest, AConnectionThatDoesNotComeAboutIsTransient) {
  const FullPort port;
  auto options = this->options();
  options.connect_timeout = milliseconds(200);
  http::Fetcher fetcher(options, host_.context());
  EXPECT_EQ(error_of(fetcher, http::Remote{"a.gz", port.url()}).code(), Code::transient);
}

TEST_F(FetchTest, AStallIsTransient) {
  const std::string content = serve("a.gz");
  auto options = this->options();
  options.stall_timeout = milliseconds(1500);
  http::Fetcher fetcher(options, host_.context());
  script({{{"stall", 30'000}}});
  const etl::Error error = error_of(fetcher, "a.gz");
  EXPECT_EQ(error.code(), Code::transient);
  EXPECT_TRUE(mentions(error, "no data for 1500 ms (got 30000 of 100000 bytes)"))
      << error.message();
  script(Json::array());
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
}

TEST_F(FetchTest, AServerThatNeverAnswersStalls) {
  serve("a.gz");
  auto options = this->options();
  options.stall_timeout = milliseconds(300);
  http::Fetcher fetcher(options, host_.context());
  script({{{"delay", 3600}}});
  const etl::Error error = error_of(fetcher, "a.gz");
  EXPECT_EQ(error.code(), Code::transient);
  EXPECT_TRUE(mentions(error, "no data for")) << error.message();
}

TEST_F(FetchTest, ASlowServerIsNoStall) {
  const std::string content = serve("a.gz", 20'000);
  auto options = this->options();
  options.stall_timeout = milliseconds(3000);
  http::Fetcher fetcher(options, host_.context());
  script({{{"rate", 5'000}}});  // takes longer than stall_timeout overall
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
}

}  // namespace
}  // namespace fetch_test
