/// The mock host: what it passes to a stage and what it records.
#include <etl/plugin.hpp>
#include <etl/testing/mock_host.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A stage that stores its options and needs an etl::Task.
struct Everything {
  [[maybe_unused]] static constexpr auto name = "everything";
  [[maybe_unused]] static constexpr auto summary = "Has an option of every type";
  static constexpr auto options = etl::options(
      etl::optional<bool>("flag", "true", ""), etl::optional<std::int64_t>("whole", "-7", ""),
      etl::optional<double>("real", "2.5", ""), etl::optional<std::string>("text", "\"a b\"", ""),
      etl::optional<etl::Strings>("list", "[\"a\", \"b,c\"]", ""),
      etl::optional<etl::Strings>("none", "[]", ""),
      etl::optional<etl::Duration>("pause", "\"5m\"", ""),
      etl::optional<etl::Bytes>("size", "\"64KiB\"", ""),
      etl::optional<etl::Bytes>("plain", "10", ""), etl::optional<etl::Url>("url", "\"u:\"", ""),
      etl::optional<etl::Time>("since", "", ""), etl::required<etl::Path>("path", ""));

  Everything(const etl::Options& given, const etl::Context& host, const etl::Task& given_task)
      : context(host), task(given_task) {
    flag = given.get<bool>("flag");
    whole = given.get<std::int64_t>("whole");
    real = given.get<double>("real");
    text = given.get<std::string>("text");
    list = given.get<etl::Strings>("list");
    none = given.get<etl::Strings>("none");
    pause = given.get<etl::Duration>("pause");
    size = given.get<etl::Bytes>("size").count;
    plain = given.get<etl::Bytes>("plain").count;
    url = given.get<etl::Url>("url").text;
    since = given.find<etl::Time>("since");
    path = given.get<etl::Path>("path").text;
    text_given = given.given("text");
    memory = etl::HeldMemory(host, 100);
  }

  etl::Context context;
  etl::Task task;
  bool flag = false, text_given = false;
  std::int64_t whole = 0, size = 0, plain = 0;
  double real = 0;
  std::string text, url, path;
  etl::Strings list, none;
  etl::Duration pause{};
  std::optional<etl::Time> since;
  etl::HeldMemory memory;
};

TEST(MockHostTest, OptionsHaveTheDefaultsOfTheirTable) {
  const etl::testing::Host host;
  const auto stage = etl::testing::make<Everything>(host, {{"path", "/p"}});
  EXPECT_TRUE(stage.flag);
  EXPECT_EQ(stage.whole, -7);
  EXPECT_EQ(stage.real, 2.5);
  EXPECT_EQ(stage.text, "a b");
  EXPECT_FALSE(stage.text_given);
  EXPECT_THAT(stage.list, ElementsAre("a", "b,c"));
  EXPECT_THAT(stage.none, ElementsAre());
  EXPECT_EQ(stage.pause, std::chrono::minutes(5));
  EXPECT_EQ(stage.size, 65536);
  EXPECT_EQ(stage.plain, 10);
  EXPECT_EQ(stage.url, "u:");
  EXPECT_FALSE(stage.since);
  EXPECT_EQ(stage.path, "/p");
}

TEST(MockHostTest, TakesGivenOptions) {
  const etl::testing::Host host;
  const auto stage = etl::testing::make<Everything>(host, {{"path", "/p"},
                                                           {"flag", false},
                                                           {"whole", 3},
                                                           {"real", 0.5},
                                                           {"text", "x"},
                                                           {"list", etl::Strings{"y"}},
                                                           {"pause", 250},
                                                           {"since", 1'000'000}});
  EXPECT_FALSE(stage.flag);
  EXPECT_EQ(stage.whole, 3);
  EXPECT_EQ(stage.real, 0.5);
  EXPECT_EQ(stage.text, "x");
  EXPECT_TRUE(stage.text_given);
  EXPECT_THAT(stage.list, ElementsAre("y"));
  EXPECT_EQ(stage.pause, std::chrono::milliseconds(250));
  EXPECT_EQ(stage.since, etl::Time(std::chrono::seconds(1)));
}

std::string failure_of(etl::testing::Values values) {
  try {
    const etl::testing::Host host;
    static_cast<void>(etl::testing::make<Everything>(host, values));
  } catch (const etl::Error& error) {
    return error.message();
  }
  return "nothing";
}

TEST(MockHostTest, RefusesMistakesInTheTest) {
  EXPECT_THAT(failure_of({}), HasSubstr("option \"path\" is required"));
  EXPECT_THAT(failure_of({{"path", "/p"}, {"pth", "/p"}}), HasSubstr("option \"pth\" is not in"));
  EXPECT_THAT(failure_of({{"path", 5}}),
              HasSubstr("option \"path\" has another type than the value"));
}

TEST(MockHostTest, RecordsWhatAStageReports) {
  etl::testing::Host host;
  {
    const auto stage = etl::testing::make<Everything>(host, {{"path", "/p"}});
    EXPECT_EQ(host.held_memory, 100);
    stage.context.warn("careful");
    stage.task.read(3);
    stage.task.dropped(1);
    stage.task.downloaded(10);
    stage.task.decoded(20);
    stage.task.reject("bad", "raw bytes", 7);
    EXPECT_FALSE(stage.task.cancelled());
    host.cancelled = true;
    EXPECT_TRUE(stage.task.cancelled());
    EXPECT_TRUE(stage.context.cancelled());
    EXPECT_EQ(stage.context.slots(), nullptr);
  }
  EXPECT_EQ(host.held_memory, 0);
  EXPECT_THAT(host.log, ElementsAre("careful"));
  EXPECT_EQ(host.read, 3);
  EXPECT_EQ(host.dropped, 1);
  EXPECT_EQ(host.downloaded, 10);
  EXPECT_EQ(host.decoded, 20);
  ASSERT_EQ(host.rejects.size(), 1U);
  EXPECT_EQ(host.rejects[0].reason, "bad");
  EXPECT_EQ(host.rejects[0].raw, "raw bytes");
  EXPECT_EQ(host.rejects[0].line, 7);
}

TEST(MockHostTest, RowsAsText) {
  etl::BatchBuilder builder({{"b", etl::Type::boolean},
                             {"i", etl::Type::int32},
                             {"n", etl::Type::int64, true},
                             {"d", etl::Type::float64},
                             {"s", etl::Type::utf8, true},
                             {"t", etl::Type::timestamp_s}});
  builder.row(true, std::int32_t{1}, std::optional<std::int64_t>(2), 0.5,
              std::optional<std::string>("x"), std::int64_t{9});
  builder.row(false, std::int32_t{-1}, std::optional<std::int64_t>(), 1e30,
              std::optional<std::string>(), std::int64_t{0});
  EXPECT_THAT(etl::testing::rows(builder.finish()),
              ElementsAre("true|1|2|0.5|x|9", "false|-1|NULL|1e+30|NULL|0"));
}

TEST(MockHostTest, RowsOfAReader) {
  struct Reader {
    int batches = 0;
    std::optional<etl::Batch> next() {
      if (++batches == 3) return std::nullopt;
      etl::BatchBuilder builder({{"n", etl::Type::int64}});
      builder.row(std::int64_t{batches});
      return builder.finish();
    }
  };
  EXPECT_THAT(etl::testing::all_rows(Reader()), ElementsAre("1", "2"));
}

}  // namespace
