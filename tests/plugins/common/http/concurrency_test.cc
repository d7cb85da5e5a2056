// Concurrent downloads: their number, order and cancellation.
#include "tests/plugins/common/http/fetch_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <thread>

namespace fetch_test {
namespace {

class ConcurrencyTest : public FetchTest {
 protected:
  std::vector<std::string> serve_many(int count) const {
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) {
      names.push_back("f" + std::to_string(i) + ".gz");
      serve(names.back(), 50'000, static_cast<unsigned>(i));
    }
    return names;
  }
  [[nodiscard]] bool asked_for(const std::string& name) const { return !requests(name).empty(); }
  [[nodiscard]] bool answered(const std::string& name) const {
    const auto seen = requests(name);
    return !seen.empty() && seen.back().at("done").get<bool>();
  }
  /// Occupies the only connection of a Fetcher until finish(name).
  void occupy(http::Fetcher& fetcher, const std::string& name,
              const std::vector<std::string>& expected) const {
    script({{{"path", "/" + name}, {"stall", 1000}}});
    fetcher.expect(remotes(expected));
    ASSERT_TRUE(wait_until([&] { return asked_for(name); }));
  }
  [[nodiscard]] http::FetchOptions one_connection() const {
    auto options = this->options();
    options.connections = 1;
    return options;
  }
  /// Waits, so that something that must not happen has time to.
  void let_things_happen() const { std::this_thread::sleep_for(std::chrono::milliseconds(200)); }
};

TEST_F(ConcurrencyTest, NeverMoreConnectionsThanAllowed) {
  const auto names = serve_many(12);
  script({{{"rate", 200'000}}});
  auto options = this->options();
  options.connections = 2;
  http::Fetcher fetcher(options, host_.context());
  fetcher.expect(remotes(names));
  std::vector<std::thread> threads;
  threads.reserve(names.size());
  std::atomic<int> good{0};
  for (const std::string& name : names) {
    threads.emplace_back(
        [&, name] { good += fetch(fetcher, name) == read_text(served_ / name) ? 1 : 0; });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(good, 12);
  const Json seen = log();
  EXPECT_EQ(seen.at("max_in_progress"), 2);
  EXPECT_EQ(seen.at("requests").size(), 12U);
}

TEST_F(ConcurrencyTest, OneConnectionIsEnough) {
  const auto names = serve_many(5);
  http::Fetcher fetcher(one_connection(), host_.context());
  fetcher.expect(remotes(names));
  for (const std::string& name : names) EXPECT_EQ(fetch(fetcher, name), read_text(served_ / name));
  EXPECT_EQ(log().at("max_in_progress"), 1);
}

TEST_F(ConcurrencyTest, ExpectedFilesAreDownloadedAhead) {
  const auto names = serve_many(3);
  auto fetcher = this->fetcher();
  fetcher.expect(remotes(names));
  EXPECT_EQ(fetch(fetcher, names[0]), read_text(served_ / names[0]));
  ASSERT_TRUE(wait_until([&] { return answered(names[1]) && answered(names[2]); }));
  const http::Fetched second = fetcher.get(remote(names[1]), go_on);
  EXPECT_EQ(read_text(second.path), read_text(served_ / names[1]));
  EXPECT_EQ(second.downloaded, 50'000) << "reported by the get() that hands the file out";
  EXPECT_EQ(requests(names[1]).size(), 1U);
}

TEST_F(ConcurrencyTest, ReadAheadHasABound) {
  const auto names = serve_many(8);
  auto options = this->options();
  options.read_ahead = 3;
  http::Fetcher fetcher(options, host_.context());
  fetcher.expect(remotes(names));
  ASSERT_TRUE(wait_until([&] { return answered(names[2]); }));
  let_things_happen();
  EXPECT_EQ(requests().size(), 3U);
  EXPECT_EQ(fetch(fetcher, names[0]), read_text(served_ / names[0]));
  ASSERT_TRUE(wait_until([&] { return answered(names[3]); }));
  let_things_happen();
  EXPECT_EQ(requests().size(), 4U);
}

TEST_F(ConcurrencyTest, NoReadAheadMeansNone) {
  const auto names = serve_many(3);
  auto options = this->options();
  options.read_ahead = 0;
  http::Fetcher fetcher(options, host_.context());
  fetcher.expect(remotes(names));
  EXPECT_EQ(fetch(fetcher, names[2]), read_text(served_ / names[2]));
  let_things_happen();
  EXPECT_EQ(requests().size(), 1U);
}

TEST_F(ConcurrencyTest, RequestedFilesComeBeforeExpectedOnes) {
  const auto names = serve_many(6);
  http::Fetcher fetcher(one_connection(), host_.context());
  occupy(fetcher, names[0], names);
  std::atomic<int> looks{0};
  std::thread reader([&] { (void)fetcher.get(remote(names[5]), [&] { return ++looks < 0; }); });
  EXPECT_TRUE(wait_until([&] { return looks >= 2; })) << "it waits";
  fetcher.finish(names[0]);
  reader.join();
  EXPECT_EQ(requests().at(1).at("path"), "/" + names[5]);
}

TEST_F(ConcurrencyTest, ANewExpectationReplacesTheOld) {
  const auto names = serve_many(3);
  http::Fetcher fetcher(one_connection(), host_.context());
  occupy(fetcher, names[0], {names[0], names[1]});
  fetcher.expect(remotes({names[2]}));
  fetcher.finish(names[0]);
  ASSERT_TRUE(wait_until([&] { return answered(names[2]); }));
  let_things_happen();
  EXPECT_FALSE(asked_for(names[1]));
}

TEST_F(ConcurrencyTest, AnErrorOfReadAheadWaitsForItsGet) {
  const auto names = serve_many(3);
  script({{{"path", "/" + names[1]}, {"status", 503}, {"times", 1}}});
  auto fetcher = this->fetcher();
  fetcher.expect(remotes(names));
  ASSERT_TRUE(wait_until([&] { return answered(names[1]) && answered(names[2]); }));
  EXPECT_EQ(fetch(fetcher, names[2]), read_text(served_ / names[2]));
  EXPECT_EQ(error_of(fetcher, names[1].c_str()).code(), etl::Code::transient);
  EXPECT_EQ(requests(names[1]).size(), 1U);
  EXPECT_EQ(fetch(fetcher, names[1]), read_text(served_ / names[1]));
  EXPECT_EQ(requests(names[1]).size(), 2U);
}

TEST_F(ConcurrencyTest, RetryAfterHoldsBackReadAheadButNoGet) {
  const auto names = serve_many(4);
  script({{{"path", "/" + names[0]}, {"status", 429}, {"headers", {{"Retry-After", "3600"}}}}});
  http::Fetcher fetcher(one_connection(), host_.context());
  fetcher.expect(remotes(names));
  ASSERT_TRUE(wait_until([&] { return answered(names[0]); }));
  let_things_happen();
  EXPECT_EQ(requests().size(), 1U);
  EXPECT_EQ(fetch(fetcher, names[2]), read_text(served_ / names[2]));
}

TEST_F(ConcurrencyTest, AFileNoLongerWantedIsDropped) {
  const auto names = serve_many(2);
  http::Fetcher fetcher(one_connection(), host_.context());
  occupy(fetcher, names[0], names);
  fetcher.finish(names[0]);
  EXPECT_EQ(fetch(fetcher, names[1]), read_text(served_ / names[1])) << "its connection is free";
  EXPECT_FALSE(std::filesystem::exists(cached(names[0] + ".part")));
  EXPECT_FALSE(std::filesystem::exists(cached(names[0] + ".part.meta")));
}

TEST_F(ConcurrencyTest, AFinishedFileIsNoLongerExpected) {
  const auto names = serve_many(3);
  http::Fetcher fetcher(one_connection(), host_.context());
  occupy(fetcher, names[0], names);
  fetcher.finish(names[1]);
  fetcher.finish(names[0]);
  ASSERT_TRUE(wait_until([&] { return answered(names[2]); }));
  EXPECT_FALSE(asked_for(names[1]));
}

TEST_F(ConcurrencyTest, ACancelledGetReturns) {
  const auto names = serve_many(1);
  script({{{"stall", 10'000}}});
  auto fetcher = this->fetcher();
  std::atomic<bool> stop{false};
  std::atomic<bool> cancelled{false};
  std::thread reader([&] {
    try {
      (void)fetcher.get(remote(names[0]), [&] { return stop.load(); });
    } catch (const etl::Error& error) {
      cancelled = error.code() == etl::Code::cancelled;
    }
  });
  EXPECT_TRUE(wait_until([&] { return asked_for(names[0]); }));
  stop = true;
  reader.join();
  EXPECT_TRUE(cancelled);
}

TEST_F(ConcurrencyTest, ACancelledGetIsNotAskedForAnyMore) {
  const auto names = serve_many(3);
  http::Fetcher fetcher(one_connection(), host_.context());
  occupy(fetcher, names[0], {names[0]});
  std::atomic<int> looks{0};
  EXPECT_THROW((void)fetcher.get(remote(names[1]), [&] { return ++looks > 1; }), etl::Error);
  fetcher.finish(names[0]);
  EXPECT_EQ(fetch(fetcher, names[2]), read_text(served_ / names[2]));
  EXPECT_FALSE(asked_for(names[1]));
}

TEST_F(ConcurrencyTest, TwoReadersOfOneFileShareTheDownload) {
  const auto names = serve_many(1);
  script({{{"delay", 0.2}}});
  auto fetcher = this->fetcher();
  std::atomic<int> good{0};
  const auto read = [&] {
    good += fetch(fetcher, names[0]) == read_text(served_ / names[0]) ? 1 : 0;
  };
  std::thread other(read);
  read();
  other.join();
  EXPECT_EQ(good, 2);
  EXPECT_EQ(requests().size(), 1U);
}

/// Returns the bytes of the file if it still exists: another Fetcher may delete it.
std::optional<std::string> try_to_read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

/// Readers that call every function of two Fetchers sharing a folder, while the server often fails.
TEST_F(ConcurrencyTest, NothingButTheServersBytesComesOutOfAMess) {
  const auto names = serve_many(6);
  std::vector<Json> rules;
  for (int nth = 1; nth < 40; nth += 4) {
    rules.push_back({{"nth", nth}, {"cut", 20'000}});
    rules.push_back({{"nth", nth + 2}, {"status", 503}});
  }
  script(rules);
  auto options = this->options();
  options.keep_files = true;
  http::Fetcher one(options, host_.context());
  http::Fetcher two(this->options(), host_.context());
  std::atomic<int> good{0};
  std::atomic<int> bad{0};
  const auto reader = [&](http::Fetcher& fetcher, std::size_t first, std::size_t step) {
    std::mt19937 random(static_cast<unsigned>(first));
    for (int round = 0; round < 40; ++round) {
      const std::string& name = names[first + step * (random() % (names.size() / step))];
      if (random() % 4 == 0) fetcher.expect(remotes(names));
      try {
        const auto bytes = try_to_read(fetcher.get(remote(name), go_on).path);
        if (bytes) (*bytes == read_text(served_ / name) ? good : bad) += 1;
      } catch (const etl::Error& error) {
        if (error.code() != etl::Code::transient) bad += 1;
        continue;
      }
      const unsigned what = random() % 8;
      if (what < 4) fetcher.verified(name);
      if (what == 7) fetcher.corrupt(name);
      if (what % 2 == 0) fetcher.finish(name);
    }
  };
  std::thread evens([&] { reader(one, 0, 2); });
  std::thread odds([&] { reader(one, 1, 2); });
  reader(two, 0, 1);
  evens.join();
  odds.join();
  EXPECT_EQ(bad, 0);
  EXPECT_GT(good, 0);
}

}  // namespace
}  // namespace fetch_test
