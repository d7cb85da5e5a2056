// https: trusted certificates, and redirects that would give up encryption.
#include "tests/plugins/common/http/fetch_fixture.hpp"

#include <sched.h>
#include <sys/mount.h>

#include <cstdlib>
#include <exception>
#include <functional>
#include <thread>

namespace fetch_test {
namespace {

using etl::Code;

class TlsTest : public FetchTest {
 protected:
  void SetUp() override {
    const std::string make =
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 "
        "-addext subjectAltName=IP:127.0.0.1 -keyout '" +
        key_.string() + "' -out '" + cert_.string() + "' 2>/dev/null";
    ASSERT_EQ(std::system(make.c_str()), 0) << "openssl is needed";
    secure_.emplace(served_, std::vector<std::string>{"--tls", cert_.string(), key_.string()},
                    "https");
  }
  [[nodiscard]] http::Remote secure(const std::string& name) const {
    return {name, secure_->url() + "/" + name};
  }
  /// Runs `body` in a thread with its own mount namespace, in which the system trusts the server's
  /// certificate. Returns false if that is not permitted.
  [[nodiscard]] bool trusting(const std::function<void()>& body) const {
    bool allowed = false;
    std::thread([&] {
      allowed = ::unshare(CLONE_NEWNS) == 0 &&
                ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                ::mount(cert_.c_str(), "/etc/ssl/certs/ca-certificates.crt", nullptr, MS_BIND,
                        nullptr) == 0;
      if (!allowed) return;
      try {
        body();
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
    }).join();
    return allowed;
  }

  std::filesystem::path cert_ = root_ / "cert.pem";
  std::filesystem::path key_ = root_ / "key.pem";
  std::optional<ServerProcess> secure_;
};

TEST_F(TlsTest, AServerWithoutTlsIsTransient) {
  auto fetcher = this->fetcher();
  const std::string url = "https://127.0.0.1:" + std::to_string(server_->port()) + "/a.gz";
  EXPECT_EQ(error_of(fetcher, http::Remote{"a.gz", url}).code(), Code::transient);
}

TEST_F(TlsTest, AnUntrustedCertificateIsPermanent) {
  serve("a.gz");
  auto fetcher = this->fetcher();
  const etl::Error error = error_of(fetcher, secure("a.gz"));
  EXPECT_EQ(error.code(), Code::permanent) << error.message();
  EXPECT_NE(error.message().find("certificate"), std::string::npos) << error.message();
}

TEST_F(TlsTest, ATrustedServerIsReadAndResumed) {
  const std::string content = serve("a.gz", 300'000);
  const std::string other = serve("b.gz", 200'000, 2);
  const bool allowed = trusting([&] {
    auto fetcher = this->fetcher();
    EXPECT_EQ(read_text(fetcher.get(secure("a.gz"), go_on).path), content);
    secure_->script({{"path", "/b.gz"}, {"cut", 100'000}, {"times", 1}});
    EXPECT_EQ(error_of(fetcher, secure("b.gz")).code(), Code::transient);
    EXPECT_EQ(read_text(fetcher.get(secure("b.gz"), go_on).path), other);
  });
  if (!allowed) GTEST_SKIP() << "NOT TESTED: no right to mount a trusted certificate";
  const Json seen = secure_->log();
  EXPECT_EQ(seen.at("requests").back().at("status"), 206);
}

TEST_F(TlsTest, ARedirectBackToHttpIsRefused) {
  serve("a.gz");
  const bool allowed = trusting([&] {
    secure_->script({{"redirect", remote("a.gz").url}});
    auto fetcher = this->fetcher();
    const etl::Error error = error_of(fetcher, secure("a.gz"));
    EXPECT_EQ(error.code(), Code::permanent);
    EXPECT_NE(error.message().find("would give up the encryption"), std::string::npos)
        << error.message();
  });
  if (!allowed) GTEST_SKIP() << "NOT TESTED: no right to mount a trusted certificate";
  EXPECT_TRUE(requests().empty());
}

}  // namespace
}  // namespace fetch_test
