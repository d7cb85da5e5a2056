// Interrupted downloads are resumed, but only with the same content.
#include "plugins/common/http/part_meta.hpp"
#include "tests/plugins/common/http/fetch_fixture.hpp"

#include <filesystem>

namespace fetch_test {
namespace {

constexpr std::size_t cut = 40'000;

class ResumeTest : public FetchTest {
 protected:
  /// Leaves the first `cut` bytes of a.gz in the cache; `rule` modifies the response.
  void begin(Json rule = Json::object()) {
    first_ = serve("a.gz");
    rule["cut"] = cut;
    script({rule});
    auto fetcher = this->fetcher();
    EXPECT_EQ(error_of(fetcher, "a.gz").code(), etl::Code::transient);
    script(Json::array());
  }
  /// Gets the file with another Fetcher, as after a restart; returns the bytes downloaded.
  std::int64_t go_on_to(const std::string& wanted) {
    auto fetcher = this->fetcher();
    const http::Fetched fetched = fetcher.get(remote("a.gz"), go_on);
    EXPECT_EQ(fetched.path, cached("a.gz.part"));
    const std::string bytes = read_text(fetched.path);
    EXPECT_EQ(bytes.size(), wanted.size());
    EXPECT_TRUE(bytes == wanted) << "not the content the server has";
    return fetched.downloaded;
  }
  [[nodiscard]] Json header(std::size_t request, const std::string& name) const {
    const Json headers = requests().at(request).at("headers");
    return headers.contains(name) ? headers.at(name) : Json();
  }
  std::string first_;
};

TEST_F(ResumeTest, OnlyTheRestIsAskedFor) {
  begin();
  EXPECT_EQ(go_on_to(first_), static_cast<std::int64_t>(first_.size() - cut));
  EXPECT_EQ(header(1, "range"), "bytes=40000-");
  EXPECT_EQ(header(1, "if-range"),
            http::parse_part_meta(read_text(cached("a.gz.part.meta")))->validator);
  EXPECT_EQ(requests().size(), 2U);
}

TEST_F(ResumeTest, AlsoWithinOneFetcherAndAgainAndAgain) {
  const std::string content = serve("a.gz");
  script({{{"cut", 30'000}, {"nth", 1}},
          {{"cut", 30'000}, {"nth", 2}},
          {{"reset", 20'000}, {"nth", 3}}});
  auto fetcher = this->fetcher();
  for (int attempt = 0; attempt < 3; ++attempt) {
    EXPECT_EQ(error_of(fetcher, "a.gz").code(), etl::Code::transient);
  }
  const http::Fetched fetched = fetcher.get(remote("a.gz"), go_on);
  EXPECT_EQ(read_text(fetched.path), content);
  EXPECT_EQ(header(1, "range"), "bytes=30000-");
  EXPECT_EQ(header(2, "range"), "bytes=60000-");
  EXPECT_LE(fetched.downloaded, static_cast<std::int64_t>(content.size()));
  EXPECT_GE(fetched.downloaded, 60'000) << "what failed attempts brought counts too";
}

TEST_F(ResumeTest, ADateServesWhereThereIsNoEtag) {
  const Json old{{"etag", nullptr}, {"last_modified", "Sat, 27 Aug 2016 21:51:00 GMT"}};
  begin(old);
  script({old});
  EXPECT_EQ(go_on_to(first_), static_cast<std::int64_t>(first_.size() - cut));
  EXPECT_EQ(header(1, "if-range"), "Sat, 27 Aug 2016 21:51:00 GMT");
}

TEST_F(ResumeTest, WithoutAValidatorItStartsOver) {
  begin({{"etag", nullptr}, {"last_modified", nullptr}});
  EXPECT_EQ(go_on_to(first_), static_cast<std::int64_t>(first_.size()));
  EXPECT_EQ(header(1, "range"), Json());
}

TEST_F(ResumeTest, APartThatCannotBeResumedIsNotLeftBehind) {
  begin({{"etag", nullptr}, {"last_modified", nullptr}});
  EXPECT_TRUE(std::filesystem::is_empty(cache_));
}

TEST_F(ResumeTest, WithAWeakEtagItStartsOver) {
  begin({{"etag", "W/\"abc\""}, {"last_modified", "Sat, 27 Aug 2016 21:51:00 GMT"}});
  EXPECT_EQ(go_on_to(first_), static_cast<std::int64_t>(first_.size()));
  EXPECT_EQ(header(1, "range"), Json());
}

TEST_F(ResumeTest, ChangedContentIsTakenWhole) {
  begin();
  const std::string changed = serve("a.gz", 100'000, 2);
  EXPECT_EQ(go_on_to(changed), static_cast<std::int64_t>(changed.size()));
  EXPECT_EQ(requests().size(), 2U);
}

TEST_F(ResumeTest, ChangedContentIsNeverMixedEvenIfIfRangeIsIgnored) {
  begin();
  const std::string changed = serve("a.gz", 100'000, 2);
  script({{{"if_range", false}}});
  go_on_to(changed);
  EXPECT_EQ(requests().size(), 3U);
  EXPECT_EQ(header(2, "range"), Json());
}

TEST_F(ResumeTest, ARangeWithoutItsEtagIsNotTrusted) {
  begin();
  script({{{"if_range", false}, {"etag", nullptr}, {"nth", 1}}});
  go_on_to(first_);
  EXPECT_EQ(requests().size(), 3U);
}

TEST_F(ResumeTest, AChangedDateIsNoticedEvenIfIfRangeIsIgnored) {
  begin({{"etag", nullptr}, {"last_modified", "Sat, 27 Aug 2016 21:51:00 GMT"}});
  const std::string changed = serve("a.gz", 100'000, 2);
  script({{{"if_range", false},
           {"etag", nullptr},
           {"last_modified", "Sun, 28 Aug 2016 21:51:00 GMT"}}});
  go_on_to(changed);
  EXPECT_EQ(requests().size(), 3U);
}

TEST_F(ResumeTest, ARangeWithoutItsDateIsNotTrusted) {
  begin({{"etag", nullptr}, {"last_modified", "Sat, 27 Aug 2016 21:51:00 GMT"}});
  const std::string changed = serve("a.gz", 100'000, 2);
  script({{{"if_range", false}, {"etag", nullptr}, {"last_modified", nullptr}}});
  go_on_to(changed);
  EXPECT_EQ(requests().size(), 3U);
  EXPECT_EQ(header(2, "range"), Json());
}

TEST_F(ResumeTest, ACompleteFileIsNotTakenForAnotherOfTheSameLength) {
  first_ = serve("a.gz");
  go_on_to(first_);
  const std::string changed = serve("a.gz", 100'000, 2);
  script({{{"if_range", false}, {"etag", nullptr}}});
  go_on_to(changed);
  EXPECT_EQ(requests().size(), 3U);
  EXPECT_EQ(header(2, "range"), Json());
}

TEST_F(ResumeTest, AServerWithoutRangesSendsTheWhole) {
  begin();
  script({{{"ranges", false}}});
  EXPECT_EQ(go_on_to(first_), static_cast<std::int64_t>(first_.size()));
  EXPECT_EQ(requests().size(), 2U);
}

class WrongRangeTest : public ResumeTest, public testing::WithParamInterface<const char*> {};

TEST_P(WrongRangeTest, LeadsToARequestForTheWhole) {
  begin();
  script({{{"content_range", GetParam()}, {"nth", 1}}});
  go_on_to(first_);
  ASSERT_EQ(requests().size(), 3U);
  EXPECT_EQ(requests().at(1).at("status"), 206);
  EXPECT_EQ(header(2, "range"), Json());
}

INSTANTIATE_TEST_SUITE_P(Ranges, WrongRangeTest,
                         testing::Values("bytes 39999-99999/100000", "bytes 0-99999/100000",
                                         "bytes 40000-99999/100001", "bytes 40000-99999/*",
                                         "nonsense"));

TEST_F(ResumeTest, ALessThanAskedForRangeIsTransientAndGoesOn) {
  begin();
  script({{{"content_range", "bytes 40000-49999/100000"},
           {"content_length", 10'000},
           {"cut", 10'000},
           {"nth", 1}}});
  auto fetcher = this->fetcher();
  EXPECT_EQ(error_of(fetcher, "a.gz").code(), etl::Code::transient);
  EXPECT_EQ(fetch(fetcher, "a.gz"), first_);
  EXPECT_EQ(header(2, "range"), "bytes=50000-");
}

TEST_F(ResumeTest, ARangeOfAnotherLengthIsNotTrusted) {
  begin();
  script({{{"content_length", 59'999}, {"nth", 1}}});
  go_on_to(first_);
  EXPECT_EQ(requests().size(), 3U);
  EXPECT_EQ(header(2, "range"), Json());
}

TEST_F(ResumeTest, ACompleteFileOfAnEarlierProcessCostsOneRequestAndOneByte) {
  first_ = serve("a.gz");
  { EXPECT_EQ(go_on_to(first_), 100'000); }
  EXPECT_EQ(go_on_to(first_), 1);
  ASSERT_EQ(requests().size(), 2U);
  EXPECT_EQ(header(1, "range"), "bytes=99999-");
  EXPECT_EQ(requests().at(1).at("status"), 206);
}

TEST_F(ResumeTest, ACompleteFileThatHasChangedSinceIsDownloadedAnew) {
  first_ = serve("a.gz");
  go_on_to(first_);
  const std::string changed = serve("a.gz", 100'000, 2);
  EXPECT_EQ(go_on_to(changed), 100'000);
  EXPECT_EQ(requests().at(1).at("status"), 200);
}

TEST_F(ResumeTest, AFileThatHasShrunkIsDownloadedAnew) {
  begin();
  const std::string changed = serve("a.gz", 30'000, 2);
  script({{{"if_range", false}}});
  EXPECT_EQ(go_on_to(changed), 30'000);
  ASSERT_EQ(requests().size(), 3U);
  EXPECT_EQ(requests().at(1).at("status"), 416);
}

TEST_F(ResumeTest, AFileThatHasShrunkToWhatWeHaveIsDownloadedAnew) {
  begin();
  const std::string changed = serve("a.gz", cut, 2);
  script({{{"if_range", false}}});
  go_on_to(changed);
  ASSERT_EQ(requests().size(), 3U);
  EXPECT_EQ(requests().at(1).at("status"), 416);
}

TEST_F(ResumeTest, ATornSidecarMeansStartingOver) {
  begin();
  const std::string text = read_text(cached("a.gz.part.meta"));
  write_file(cached("a.gz.part.meta"), text.substr(0, text.size() - 1));
  EXPECT_EQ(go_on_to(first_), 100'000);
  EXPECT_EQ(header(1, "range"), Json());
}

TEST_F(ResumeTest, AMissingSidecarMeansStartingOver) {
  begin();
  std::filesystem::remove(cached("a.gz.part.meta"));
  EXPECT_EQ(go_on_to(first_), 100'000);
}

TEST_F(ResumeTest, ASidecarOfAnotherUrlMeansStartingOver) {
  begin();
  write_file(cached("a.gz.part.meta"),
             http::to_text({"http://other.example.org/a.gz", "\"abc\"", 100'000, 0}));
  EXPECT_EQ(go_on_to(first_), 100'000);
  EXPECT_EQ(header(1, "range"), Json());
}

TEST_F(ResumeTest, MoreBytesThanTheSidecarKnowsOfMeansStartingOver) {
  begin();
  std::filesystem::resize_file(cached("a.gz.part"), 100'001);
  EXPECT_EQ(go_on_to(first_), 100'000);
  EXPECT_EQ(header(1, "range"), Json());
}

TEST_F(ResumeTest, ADestroyedFetcherLeavesWhatItHasForTheNext) {
  first_ = serve("a.gz");
  script({{{"stall", cut}, {"nth", 1}}});
  {
    auto fetcher = this->fetcher();
    fetcher.expect({remote("a.gz")});
    ASSERT_TRUE(wait_until([&] {
      std::error_code ignored;
      return std::filesystem::file_size(cached("a.gz.part"), ignored) == cut;
    }));
  }
  EXPECT_EQ(go_on_to(first_), static_cast<std::int64_t>(first_.size() - cut));
  EXPECT_EQ(header(1, "range"), "bytes=40000-");
}

}  // namespace
}  // namespace fetch_test
