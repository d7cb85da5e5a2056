// Fetcher::ready(): what it answers, what it fetches, and when it wakes the host.
#include "tests/plugins/common/http/fetch_fixture.hpp"

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace fetch_test {
namespace {

class ReadyTest : public FetchTest {
 protected:
  std::vector<std::string> serve_many(int count) const {
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) {
      names.push_back("f" + std::to_string(i) + ".gz");
      serve(names.back(), 5'000, static_cast<unsigned>(i));
    }
    return names;
  }
  [[nodiscard]] http::Fetcher with_connections(int count) const {
    auto options = this->options();
    options.connections = count;
    return {options, host_.context()};
  }
  /// Asks again only after a wake(), as the runner does; false if none comes.
  [[nodiscard]] bool becomes_ready(http::Fetcher& fetcher, const std::string& name) const {
    while (true) {
      const int seen = host_.wakes();
      if (fetcher.ready(remote(name))) return true;
      if (!wait_until([&] { return host_.wakes() != seen; })) return false;
    }
  }
  [[nodiscard]] bool asked_for(const std::string& name) const { return !requests(name).empty(); }
};

TEST_F(ReadyTest, FetchesAndSaysWhenTheFileIsHere) {
  const std::string content = serve("a.gz");
  auto fetcher = this->fetcher();
  EXPECT_FALSE(fetcher.ready(remote("a.gz")));
  EXPECT_TRUE(becomes_ready(fetcher, "a.gz"));
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  EXPECT_TRUE(fetcher.ready(remote("a.gz"))) << "for another attempt";
  EXPECT_EQ(requests().size(), 1U);
}

TEST_F(ReadyTest, AFileInTheCacheIsReadyAtOnce) {
  const std::string content = serve("a.gz");
  auto options = this->options();
  options.keep_files = true;
  {
    http::Fetcher fetcher(options, host_.context());
    (void)fetch(fetcher, "a.gz");
    fetcher.verified("a.gz");
  }
  http::Fetcher fetcher(options, host_.context());
  EXPECT_TRUE(fetcher.ready(remote("a.gz")));
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
  EXPECT_EQ(requests().size(), 1U);

  options.ask_again = true;
  http::Fetcher asking(options, host_.context());
  EXPECT_FALSE(asking.ready(remote("a.gz"))) << "only the server knows";
  EXPECT_TRUE(becomes_ready(asking, "a.gz"));
  EXPECT_EQ(requests().size(), 2U);
}

TEST_F(ReadyTest, AFailureIsReadyToBeReported) {
  const std::string content = serve("a.gz");
  script({{{"path", "/a.gz"}, {"nth", 1}, {"status", 503}}});
  auto fetcher = this->fetcher();
  EXPECT_TRUE(becomes_ready(fetcher, "a.gz"));
  EXPECT_EQ(error_of(fetcher, "a.gz").code(), etl::Code::transient);
  EXPECT_FALSE(fetcher.ready(remote("a.gz"))) << "the next attempt fetches again";
  EXPECT_TRUE(becomes_ready(fetcher, "a.gz"));
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
}

TEST_F(ReadyTest, StalledDownloadsLeaveTheOtherConnectionsToTheOthers) {
  const auto names = serve_many(12);
  // As many as are read ahead, so that only ready() fetches the others.
  script({{{"path", "/f0.gz"}, {"hold", 1000}},
          {{"path", "/f3.gz"}, {"hold", 1000}},
          {{"path", "/f4.gz"}, {"hold", 0}},
          {{"path", "/f7.gz"}, {"hold", 1000}}});
  auto fetcher = with_connections(6);
  fetcher.expect(remotes(names));
  const std::vector<std::size_t> held = {0, 3, 4, 7};
  for (const std::size_t i : {1U, 2U, 5U, 6U, 8U, 9U, 10U, 11U}) {
    for (const std::size_t each : held) EXPECT_FALSE(fetcher.ready(remote(names[each])));
    EXPECT_TRUE(becomes_ready(fetcher, names[i])) << names[i];
    EXPECT_EQ(fetch(fetcher, names[i]), read_text(served_ / names[i]));
    fetcher.finish(names[i]);
  }
  server_->release();
  for (const std::size_t each : held) {
    EXPECT_TRUE(becomes_ready(fetcher, names[each]));
    EXPECT_EQ(fetch(fetcher, names[each]), read_text(served_ / names[each]));
  }
  EXPECT_EQ(requests().size(), 12U);
  EXPECT_LE(log().at("max_in_progress"), 6);
}

TEST_F(ReadyTest, WithoutAFreeConnectionNothingMoreIsAskedFor) {
  serve_many(2);
  script({{{"path", "/f0.gz"}, {"hold", 0}}});
  auto fetcher = with_connections(1);
  EXPECT_FALSE(fetcher.ready(remote("f0.gz")));
  EXPECT_FALSE(fetcher.ready(remote("f1.gz")));
  ASSERT_TRUE(wait_until([&] { return asked_for("f0.gz"); }));
  EXPECT_FALSE(fetcher.ready(remote("f1.gz")));
  const int seen = host_.wakes();
  server_->release();
  EXPECT_TRUE(wait_until([&] { return host_.wakes() != seen; }));
  EXPECT_TRUE(becomes_ready(fetcher, "f1.gz"));
  EXPECT_EQ(log().at("max_in_progress"), 1);
}

TEST_F(ReadyTest, FinishFreesTheConnectionOfAFileThatNobodyGets) {
  const auto names = serve_many(2);
  script({{{"path", "/f0.gz"}, {"stall", 1000}}});
  auto fetcher = with_connections(1);
  EXPECT_FALSE(fetcher.ready(remote("f0.gz")));
  ASSERT_TRUE(wait_until([&] { return asked_for("f0.gz"); }));
  EXPECT_FALSE(fetcher.ready(remote("f1.gz")));
  const int seen = host_.wakes();
  fetcher.finish("f0.gz");
  EXPECT_TRUE(wait_until([&] { return host_.wakes() != seen; }));
  EXPECT_TRUE(becomes_ready(fetcher, "f1.gz"));
}

TEST_F(ReadyTest, AFileThatVanishesIsFetchedAgain) {
  const std::string content = serve("a.gz");
  auto fetcher = this->fetcher();
  ASSERT_TRUE(becomes_ready(fetcher, "a.gz"));
  for (const auto& each : std::filesystem::directory_iterator(cache_))
    std::filesystem::remove(each.path());
  EXPECT_FALSE(fetcher.ready(remote("a.gz")));
  EXPECT_TRUE(becomes_ready(fetcher, "a.gz"));
  EXPECT_EQ(fetch(fetcher, "a.gz"), content);
}

TEST_F(ReadyTest, AServerThatAsksForPatienceGetsOneRequestAtATime) {
  serve_many(4);
  script({{{"path", "/f0.gz"}, {"status", 503}, {"headers", {{"Retry-After", "600"}}}},
          {{"path", "/f1.gz"}, {"hold", 0}}});
  auto fetcher = with_connections(4);
  EXPECT_TRUE(becomes_ready(fetcher, "f0.gz"));
  for (const char* name : {"f1.gz", "f2.gz", "f3.gz"}) EXPECT_FALSE(fetcher.ready(remote(name)));
  ASSERT_TRUE(wait_until([&] { return asked_for("f1.gz"); }));
  for (const char* name : {"f2.gz", "f3.gz"}) EXPECT_FALSE(fetcher.ready(remote(name)));
  server_->release();
  EXPECT_TRUE(becomes_ready(fetcher, "f2.gz"));
  EXPECT_TRUE(becomes_ready(fetcher, "f3.gz"));
  EXPECT_EQ(log().at("max_in_progress"), 1);
}

TEST_F(ReadyTest, ACancelledGetLeavesItsTurnToOthers) {
  serve_many(2);
  std::atomic<bool> free = false;
  etl_slots slots{sizeof(etl_slots), &free,
                  [](void* ctx, etl_str, std::uint32_t) {
                    return *static_cast<std::atomic<bool>*>(ctx) ? 0 : -1;
                  },
                  [](void*, int) {}};
  host_.offer(slots);
  auto fetcher = with_connections(1);
  const int seen = host_.wakes();
  EXPECT_THROW((void)fetcher.get(remote("f0.gz"), [n = 0]() mutable { return ++n > 3; }),
               etl::Error);
  EXPECT_NE(host_.wakes(), seen);
  EXPECT_FALSE(fetcher.ready(remote("f1.gz")));
  fetcher.finish("f1.gz");  // wanted, and nobody gets it
  EXPECT_FALSE(fetcher.ready(remote("f0.gz")));
  free = true;
  EXPECT_TRUE(becomes_ready(fetcher, "f0.gz"));
  EXPECT_FALSE(asked_for("f1.gz"));
}

TEST_F(ReadyTest, WhatGetRefusesIsRefused) {
  auto fetcher = this->fetcher();
  EXPECT_THROW((void)fetcher.ready({"../a.gz", server_->url() + "/a.gz"}), etl::Error);
}

}  // namespace
}  // namespace fetch_test
