// Rules that can be tested without a server.
#include "plugins/common/files/disk.hpp"
#include "plugins/common/http/part_meta.hpp"
#include "plugins/common/http/redirect.hpp"
#include "plugins/common/http/response.hpp"
#include "plugins/common/http/transfer_errors.hpp"
#include "plugins/common/http/url.hpp"
#include "tests/support/documented_table.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace {

using etl::Code;
using http::choose_validator;
using http::parse_content_range;
using http::PartMeta;
using http::redact_url;

TEST(ContentRangeTest, ReadsWhatTheStandardAllows) {
  const auto range = parse_content_range("bytes 10-99/100");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 10);
  EXPECT_EQ(range->last, 99);
  EXPECT_EQ(range->total, 100);
  EXPECT_EQ(parse_content_range("Bytes 0-0/*")->total, -1);
  EXPECT_EQ(parse_content_range("bytes */5000000000")->total, 5'000'000'000);
  EXPECT_EQ(parse_content_range("bytes */7")->first, -1);
}

TEST(ContentRangeTest, RefusesEverythingElse) {
  for (const char* text : {"", "bytes", "bytes ", "items 0-1/2", "bytes 0-1", "bytes 5-1/9",
                           "bytes -1/2", "bytes 0-/2", "bytes 0-1/2 ", "bytes 0-1/x", "bytes 1/2",
                           "bytes 0-99999999999999999999/2"}) {
    EXPECT_FALSE(parse_content_range(text)) << text;
  }
}

constexpr auto modified = "Sat, 27 Aug 2016 21:51:00 GMT";

TEST(ValidatorTest, PrefersAStrongEtag) {
  EXPECT_EQ(choose_validator("\"abc\"", modified, "Sat, 27 Aug 2016 22:00:00 GMT"), "\"abc\"");
}

TEST(ValidatorTest, TakesTheDateOnlyIfItIsOlderThanTheAnswer) {
  EXPECT_EQ(choose_validator("", modified, "Sat, 27 Aug 2016 21:51:01 GMT"), modified);
  EXPECT_EQ(choose_validator("", modified, modified), "");
  EXPECT_EQ(choose_validator("", modified, ""), "");
  EXPECT_EQ(choose_validator("", "yesterday", modified), "");
  EXPECT_EQ(choose_validator("", "", modified), "");
}

TEST(ValidatorTest, HasNoneForAWeakOrBrokenEtag) {
  EXPECT_EQ(choose_validator("W/\"abc\"", modified, "Sat, 27 Aug 2016 22:00:00 GMT"), "");
  EXPECT_EQ(choose_validator("abc", modified, "Sat, 27 Aug 2016 22:00:00 GMT"), "");
  EXPECT_EQ(choose_validator("\"", "", ""), "");
}

TEST(PartMetaTest, ComesBackAsItWas) {
  const PartMeta meta{"https://example.org/a.gz", "\"abc\"", 5'000'000'000, 7};
  const auto back = http::parse_part_meta(to_text(meta));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->url, meta.url);
  EXPECT_EQ(back->validator, meta.validator);
  EXPECT_EQ(back->length, meta.length);
  EXPECT_EQ(back->modified, meta.modified);
}

TEST(PartMetaTest, CountsOnlyAsAWhole) {
  const std::string text = http::to_text({"https://example.org/a.gz", "\"abc\"", 123});
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(http::parse_part_meta(text.substr(0, size))) << size;
  }
  EXPECT_FALSE(http::parse_part_meta(text + "\n"));
  std::string padded = text;
  EXPECT_FALSE(http::parse_part_meta(padded.replace(padded.find("123"), 3, "0123")));
  EXPECT_FALSE(http::parse_part_meta(http::to_text({"", "\"abc\"", 1})));
}

TEST(PartMetaTest, TheRestOfAContentIsAskedForByItsValidator) {
  EXPECT_TRUE((PartMeta{"u", "\"abc\"", 0}.resumable()));
  EXPECT_FALSE((PartMeta{"u", "", 1}.resumable()));
  EXPECT_FALSE((PartMeta{"u", "\"abc\"", -1}.resumable()));
}

TEST(RedactTest, LeavesOutUserAndPasswordOnly) {
  EXPECT_EQ(redact_url("https://user:pa@ss@example.org/a?b=c@d"), "https://example.org/a?b=c@d");
  EXPECT_EQ(redact_url("https://user@example.org"), "https://example.org");
  EXPECT_EQ(redact_url("https://example.org/a@b"), "https://example.org/a@b");
  EXPECT_EQ(redact_url("user:secret@example.org/a"), "example.org/a");
  EXPECT_EQ(redact_url(""), "");
}

TEST(RedactTest, ShowsNothingWhereThePasswordMayEndAnywhere) {
  EXPECT_EQ(redact_url("http://me:pass/word@example.org/a"), "http://***");
  EXPECT_EQ(redact_url("http://me:pass?word@example.org/a"), "http://***");
  EXPECT_EQ(redact_url("http://me:pass word@example.org/a"), "http://example.org/a");
  EXPECT_EQ(redact_url("http://[::1]:80/a@b"), "http://[::1]:80/a@b");
}

TEST(RedactTest, LeavesOutTheQueryOfATarget) {
  EXPECT_EQ(http::redact_target("https://me:pw@host/a.gz?Signature=abc"), "https://host/a.gz?...");
  EXPECT_EQ(http::redact_target("https://host/a.gz"), "https://host/a.gz");
}

TEST(RedirectTargetTest, IsAbsoluteAndEncoded) {
  const std::string asked = "http://host:8080/a/b.gz";
  const auto target = [&](const char* location) {
    return http::redirect_target(asked, asked, location);
  };
  EXPECT_EQ(target("c.gz"), "http://host:8080/a/c.gz");
  EXPECT_EQ(target("/c d.gz"), "http://host:8080/c%20d.gz");
  EXPECT_EQ(target("http://other/c d/e.gz"), "http://other/c%20d/e.gz");
  EXPECT_EQ(target("http://other/c%20d.gz?x=a b"), "http://other/c%20d.gz?x=a+b");
  EXPECT_EQ(target("//other/c.gz"), "http://other/c.gz");
  EXPECT_EQ(target("ftp://other/c.gz"), "ftp://other/c.gz");
  EXPECT_EQ(target("http://other:port/c.gz"), "");
}

TEST(RedirectTargetTest, KeepsThePasswordOnTheServerItWasGivenFor) {
  const std::string asked = "http://me:s%40cret@host:8080/a.gz";
  const auto target = [&](const std::string& from, const char* location) {
    return http::redirect_target(asked, from, location);
  };
  const std::string same = "http://me:s%40cret@host:8080/b.gz";
  EXPECT_EQ(target(asked, "/b.gz"), same);
  EXPECT_EQ(target(asked, "http://host:8080/b.gz"), same);
  EXPECT_EQ(target("http://other/", "http://HOST:8080/b.gz"), "http://me:s%40cret@HOST:8080/b.gz");
  EXPECT_EQ(target(asked, "http://you:pw@host:8080/b.gz"), "http://you:pw@host:8080/b.gz");
  for (const char* elsewhere :
       {"http://host/b.gz", "https://host:8080/b.gz", "http://other:8080/b.gz"}) {
    EXPECT_EQ(target(asked, elsewhere), elsewhere);
  }
}

TEST(RedirectTest, FollowsHttpAndNeverGivesUpEncryption) {
  EXPECT_NO_THROW(http::check_redirect("http://a/x", "https://b/x", 0));
  EXPECT_NO_THROW(http::check_redirect("http://a/x", "http://b/x", 4));
  EXPECT_NO_THROW(http::check_redirect("https://a/x", "HTTPS://b/x", 0));
  for (const char* target :
       {"http://b/x", "HTTP://b/x", "file:///etc/passwd", "ftp://b/x", "b/x", "https", "https:b"}) {
    try {
      http::check_redirect("HTTPS://user:secret@a/x", target, 0);
      ADD_FAILURE() << target;
    } catch (const etl::Error& error) {
      EXPECT_EQ(error.code(), Code::permanent);
      EXPECT_NE(error.message().find(target), std::string::npos);
      EXPECT_EQ(error.message().find("secret"), std::string::npos);
    }
  }
  EXPECT_THROW(http::check_redirect("http://a/x", "http://b/x", 5), etl::Error);
  EXPECT_THROW(http::check_redirect("http://a/x", "", 0), etl::Error);
}

TEST(ErrorTablesTest, StatusesMeanWhatTheyShould) {
  const auto code = [](long status) { return http::http_error("u", status, {}).code(); };
  for (const long status : {404L, 410L}) EXPECT_EQ(code(status), Code::missing) << status;
  for (const long status : {206L, 408L, 429L, 500L, 501L, 502L, 503L, 504L, 507L, 599L}) {
    EXPECT_EQ(code(status), Code::transient) << status;
  }
  for (const long status :
       {0L, 204L, 302L, 304L, 400L, 401L, 403L, 405L, 407L, 416L, 418L, 451L, 600L, 1000L}) {
    EXPECT_EQ(code(status), Code::permanent) << status;
  }
}

TEST(ErrorTablesTest, CurlCodesMeanWhatTheyShould) {
  const auto code = [](CURLcode each) { return http::curl_error("u", each, "", {}).code(); };
  for (const CURLcode each : {CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_PARTIAL_FILE,
                              CURLE_OPERATION_TIMEDOUT, CURLE_SSL_CONNECT_ERROR, CURLE_GOT_NOTHING,
                              CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_UNRECOVERABLE_POLL}) {
    EXPECT_EQ(code(each), Code::transient) << each;
  }
  for (const CURLcode each :
       {CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_URL_MALFORMAT}) {
    EXPECT_EQ(code(each), Code::permanent) << each;
  }
}

TEST(ErrorTablesTest, AFullDiskPassesAndAForbiddenOneDoesNot) {
  const auto code = [](int number) {
    return files::file_error("cannot write", "f", number).code();
  };
  for (const int number : {ENOSPC, EDQUOT, EIO, ENOMEM, EMFILE})
    EXPECT_EQ(code(number), Code::transient);
  for (const int number : {EACCES, EPERM, EROFS, ENAMETOOLONG, ENOTDIR, ELOOP}) {
    EXPECT_EQ(code(number), Code::permanent);
  }
  EXPECT_EQ(files::file_error("cannot write", "/a/b", ENOSPC).message(),
            "cannot write /a/b: No space left on device");
}

TEST(ErrorTablesTest, MessagesSayHowFarItCame) {
  EXPECT_EQ(http::http_error("http://a/x", 503, {12, 34}).message(),
            "http://a/x: HTTP 503: the server is busy, or has too many connections from here "
            "(got 12 of 34 bytes)");
  EXPECT_EQ(http::transfer_error("http://a/x", "what", {12, -1}).message(),
            "http://a/x: what (got 12 bytes)");
}

TEST(ErrorTablesTest, TheDocsShowThem) {
  const char* const page = DOCUMENTED_RULES;
  std::string statuses = "| status | what happens | meaning |\n|---|---|---|\n";
  for (const http::StatusRule& rule : http::http_rules()) {
    std::string range = std::to_string(rule.first);
    if (rule.last != rule.first) range += " to " + std::to_string(rule.last);
    statuses += "| " + range + " | " + etl_test::outcome_of(rule.code) + " | " +
                std::string(rule.meaning) + " |\n";
  }
  etl_test::expect_documented(page, statuses);
  std::string codes = "| what happens | libcurl's code |\n|---|---|\n";
  for (const Code meaning : {Code::transient, Code::permanent}) {
    std::string names;
    for (const http::CurlRule& rule : http::libcurl_rules()) {
      if (rule.meaning == meaning)
        names += (names.empty() ? "`" : ", `") + std::string(rule.name) + "`";
    }
    codes += "| " + etl_test::outcome_of(meaning) + " | " + names + " |\n";
  }
  etl_test::expect_documented(page, codes);
}

}  // namespace
