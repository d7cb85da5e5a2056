// The limit on connections over all processes of a run; each Fetcher stands for a process.
#include "plugins/common/http/connection_slot.hpp"
#include "plugins/common/http/url.hpp"
#include "tests/plugins/common/http/fetch_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <thread>

namespace fetch_test {
namespace {

/// Limits of the host, kept in memory. Thread-safe.
class Slots {
  template <class Body>
  auto locked(Body&& body) const {
    const std::lock_guard lock(mutex_);
    return body();
  }

 public:
  Slots() {
    table_.struct_size = sizeof(table_);
    table_.ctx = this;
    table_.try_acquire = [](void* self, etl_str name, std::uint32_t limit) {
      return static_cast<Slots*>(self)->take(std::string(name.data, name.size), limit);
    };
    table_.release = [](void* self, int slot) { static_cast<Slots*>(self)->give_back(slot); };
  }
  [[nodiscard]] const etl_slots& table() const { return table_; }
  void break_down() { broken_ = true; }
  [[nodiscard]] std::size_t taken() const {
    return locked([this] { return taken_.size(); });
  }
  [[nodiscard]] std::size_t most() const {
    return locked([this] { return most_; });
  }
  [[nodiscard]] int refused() const {
    return locked([this] { return refused_; });
  }
  [[nodiscard]] bool misused() const {
    return locked([this] { return misused_; });
  }
  [[nodiscard]] std::map<std::string, std::uint32_t> limits() const {
    return locked([this] { return limits_; });
  }

  int take(const std::string& name, std::uint32_t limit) {
    const std::lock_guard lock(mutex_);
    if (broken_) return -2;
    const auto [known, fresh] = limits_.emplace(name, limit);
    misused_ = misused_ || known->second != limit;
    const auto used =
        std::ranges::count(taken_, name, [](const auto& each) { return each.second; });
    if (used >= static_cast<std::int64_t>(limit)) {
      ++refused_;
      return -1;
    }
    taken_.emplace(next_, name);
    most_ = std::max(most_, taken_.size());
    return next_++;
  }
  void give_back(int slot) {
    const std::lock_guard lock(mutex_);
    misused_ = misused_ || taken_.erase(slot) != 1;
  }

 private:
  etl_slots table_{};
  mutable std::mutex mutex_;
  std::map<int, std::string> taken_;
  std::map<std::string, std::uint32_t> limits_;
  std::size_t most_ = 0;
  int next_ = 0;
  int refused_ = 0;
  bool misused_ = false;
  std::atomic<bool> broken_{false};
};

class SlotsTest : public FetchTest {
 protected:
  SlotsTest() { host_.offer(slots_.table()); }
  ~SlotsTest() override {
    EXPECT_EQ(slots_.taken(), 0U) << "every slot is given back";
    EXPECT_FALSE(slots_.misused()) << "given back once, and one limit for one name";
  }
  std::vector<std::string> serve_many(int count) const {
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) {
      names.push_back("f" + std::to_string(i) + ".gz");
      serve(names.back(), 20'000, static_cast<unsigned>(i));
    }
    return names;
  }
  [[nodiscard]] http::FetchOptions limited_to(int connections) const {
    auto options = this->options();
    options.connections = connections;
    return options;
  }
  /// Lets another process hold the only connection.
  [[nodiscard]] int occupy() { return slots_.take("connections 1 " + server_->url(), 1); }
  [[nodiscard]] bool waits() {
    const int before = slots_.refused();
    return wait_until([&] { return slots_.refused() >= before + 2; });
  }

  Slots slots_;
};

TEST_F(SlotsTest, TwoFetchersTogetherHaveNoMoreThanTheLimit) {
  const auto names = serve_many(6);
  script({{{"stall", 1000}}});
  http::Fetcher one(limited_to(2), host_.context());
  http::Fetcher other(limited_to(2), host_.context());
  one.expect(remotes({names[0], names[1], names[2]}));
  other.expect(remotes({names[3], names[4], names[5]}));
  ASSERT_TRUE(wait_until([&] { return requests().size() >= 2; }));
  EXPECT_TRUE(waits());
  EXPECT_EQ(requests().size(), 2U);
  EXPECT_EQ(log().at("max_open"), 2);
}

TEST_F(SlotsTest, EveryFileArrives) {
  const auto names = serve_many(12);
  http::Fetcher one(limited_to(2), host_.context());
  http::Fetcher other(limited_to(2), host_.context());
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < names.size(); ++i) {
    threads.emplace_back([&, i] {
      http::Fetcher& fetcher = i % 2 == 0 ? one : other;
      good += fetch(fetcher, names[i]) == read_text(served_ / names[i]) ? 1 : 0;
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(good, 12);
  EXPECT_EQ(slots_.most(), 2U);
  EXPECT_EQ(log().at("connections"), 12) << "none stays open without its slot";
}

TEST_F(SlotsTest, ASlotThatComesFreeIsTaken) {
  const auto names = serve_many(1);
  const int slot = occupy();
  http::Fetcher fetcher(limited_to(1), host_.context());
  std::thread reader([&] { EXPECT_EQ(fetch(fetcher, names[0]), read_text(served_ / names[0])); });
  EXPECT_TRUE(waits());
  EXPECT_TRUE(requests().empty());
  slots_.give_back(slot);
  reader.join();
}

TEST_F(SlotsTest, AFailureGivesItsSlotBack) {
  const auto names = serve_many(1);
  script({{{"times", 1}, {"status", 503}}, {{"nth", 2}, {"cut", 5000}}});
  http::Fetcher fetcher(limited_to(1), host_.context());
  EXPECT_EQ(error_of(fetcher, names[0].c_str()).code(), etl::Code::transient);
  EXPECT_EQ(slots_.taken(), 0U);
  EXPECT_EQ(error_of(fetcher, names[0].c_str()).code(), etl::Code::transient);
  EXPECT_EQ(slots_.taken(), 0U);
  EXPECT_EQ(fetch(fetcher, names[0]), read_text(served_ / names[0]));
}

TEST_F(SlotsTest, ADroppedDownloadGivesItsSlotBack) {
  const auto names = serve_many(2);
  script({{{"path", "/" + names[0]}, {"stall", 1000}}});
  http::Fetcher fetcher(limited_to(1), host_.context());
  fetcher.expect(remotes({names[0]}));
  ASSERT_TRUE(wait_until([&] { return !requests(names[0]).empty(); }));
  EXPECT_EQ(slots_.taken(), 1U);
  fetcher.finish(names[0]);
  EXPECT_EQ(fetch(fetcher, names[1]), read_text(served_ / names[1]));
}

TEST_F(SlotsTest, ADestroyedFetcherGivesItsSlotBack) {
  const auto names = serve_many(1);
  script({{{"stall", 1000}}});
  {
    http::Fetcher fetcher(limited_to(1), host_.context());
    fetcher.expect(remotes(names));
    ASSERT_TRUE(wait_until([&] { return !requests().empty(); }));
    EXPECT_EQ(slots_.taken(), 1U);
  }
  EXPECT_EQ(slots_.taken(), 0U);
}

TEST_F(SlotsTest, WhoWaitsForASlotCanBeCancelled) {
  const auto names = serve_many(2);
  const int slot = occupy();
  http::Fetcher fetcher(limited_to(1), host_.context());
  std::atomic<bool> stop{false};
  std::optional<etl::Code> code;
  std::thread reader([&] {
    try {
      (void)fetcher.get(remote(names[0]), [&] { return stop.load(); });
    } catch (const etl::Error& error) {
      code = error.code();
    }
  });
  EXPECT_TRUE(waits());
  stop = true;
  reader.join();
  EXPECT_EQ(code, etl::Code::cancelled);
  slots_.give_back(slot);
  EXPECT_EQ(fetch(fetcher, names[1]), read_text(served_ / names[1]));
  EXPECT_TRUE(requests(names[0]).empty()) << "it was not asked for any more";
}

TEST_F(SlotsTest, AWaitingGetComesBeforeReadAhead) {
  const auto names = serve_many(3);
  const int slot = occupy();
  http::Fetcher fetcher(limited_to(1), host_.context());
  fetcher.expect(remotes({names[0], names[1]}));
  EXPECT_TRUE(waits());
  std::atomic<int> looks{0};
  std::thread reader([&] { (void)fetcher.get(remote(names[2]), [&] { return ++looks < 0; }); });
  EXPECT_TRUE(wait_until([&] { return looks >= 2; }));
  slots_.give_back(slot);
  reader.join();
  EXPECT_EQ(requests().at(0).at("path"), "/" + names[2]);
}

TEST_F(SlotsTest, WithoutAnySlotsADownloadFailsAndSaysSo) {
  const auto names = serve_many(1);
  slots_.break_down();
  auto fetcher = this->fetcher();
  const etl::Error error = error_of(fetcher, names[0].c_str());
  EXPECT_EQ(error.code(), etl::Code::transient);
  EXPECT_NE(
      error.message().find("/" + names[0] + ": cannot open a connection to http://127.0.0.1:"),
      std::string::npos)
      << error.message();
  EXPECT_TRUE(requests().empty());
}

TEST_F(SlotsTest, TheNameIsTheServerAndTheLimit) {
  const auto names = serve_many(2);
  {
    http::Fetcher one(limited_to(1), host_.context());
    http::Fetcher other(limited_to(3), host_.context());
    (void)fetch(one, names[0]);
    (void)fetch(other, names[1]);
  }
  const std::map<std::string, std::uint32_t> expected{{"connections 1 " + server_->url(), 1},
                                                      {"connections 3 " + server_->url(), 3}};
  EXPECT_EQ(slots_.limits(), expected);
}

TEST(ServerOf, OneTextForOneServer) {
  EXPECT_EQ(http::server_of("https://dumps.wikimedia.org/other"),
            "https://dumps.wikimedia.org:443");
  EXPECT_EQ(http::server_of("HTTPS://me:secret@Dumps.Wikimedia.org:443/x?y"),
            "https://dumps.wikimedia.org:443");
  EXPECT_EQ(http::server_of("http://[::1]:8080/a"), "http://[::1]:8080");
  EXPECT_EQ(http::server_of("http://host"), "http://host:80");
}

}  // namespace
}  // namespace fetch_test
