#include "core/runtime/attempt/write_slots.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::Bench;

std::string sink(const std::string& name, const std::string& plugin, const std::string& store) {
  return "[sinks." + name + "]\nplugin = \"" + plugin + "\"\ninput = \"s\"\nstore = \"" + store +
         "\"\n";
}

/// Exclusive sinks a and b of one store, c of another, and d that takes any number of writers.
std::string four_sinks() {
  return "[sources.s]\nplugin = \"probe_source\"\n" + sink("a", "probe_exclusive", "@1") +
         sink("b", "probe_exclusive", "@1") + sink("c", "probe_exclusive", "@2") +
         sink("d", "probe_parallel", "@3");
}

TEST(WriteSlotsTest, LimitsAreThoseOfTheSinksAndTheWorkers) {
  Bench bench(four_sinks());
  const WriteSlots slots(bench.graph(), 3);
  EXPECT_EQ(slots.limit(bench.node("s")), 0U);
  EXPECT_EQ(slots.limit(bench.node("a")), 1U);
  EXPECT_EQ(slots.limit(bench.node("d")), 3U);
  EXPECT_FALSE(slots.shared());
}

TEST(WriteSlotsTest, SinksOfOneResourceShareTheirs) {
  Bench bench(four_sinks());
  WriteSlots slots(bench.graph(), 3);
  const NodeIndex a = bench.node("a");
  const NodeIndex b = bench.node("b");
  const NodeIndex c = bench.node("c");
  EXPECT_TRUE(slots.take(a));
  EXPECT_FALSE(slots.take(a));
  EXPECT_FALSE(slots.take(b));
  EXPECT_TRUE(slots.take(c));
  slots.give_back(a);
  EXPECT_TRUE(slots.take(b));
  EXPECT_EQ(slots.together({a, b, c}), (std::vector<bool>{true, false, true}));
  EXPECT_EQ(slots.together({c, b, a}), (std::vector<bool>{true, true, false}));
}

/// A host's slots: all are taken when `full`, and what was asked for.
struct FakeSlots {
  bool full = false;
  std::vector<std::string> asked;
  std::vector<int> released;
  etl_slots abi{
      sizeof(etl_slots), this,
      [](void* ctx, etl_str name, std::uint32_t limit) {
        auto& self = *static_cast<FakeSlots*>(ctx);
        self.asked.push_back(std::string(name.data, name.size) + " " + std::to_string(limit));
        return self.full ? -1 : 7;
      },
      [](void* ctx, int slot) { static_cast<FakeSlots*>(ctx)->released.push_back(slot); }};
};

TEST(WriteSlotsTest, OtherProcessesAreAskedWhereThereIsALimit) {
  Bench bench(four_sinks());
  FakeSlots host;
  WriteSlots slots(bench.graph(), 1, &host.abi);
  EXPECT_TRUE(slots.shared());
  EXPECT_TRUE(slots.take(bench.node("a")));
  EXPECT_TRUE(slots.take(bench.node("d")));
  ASSERT_EQ(host.asked.size(), 1U);
  EXPECT_TRUE(host.asked[0].ends_with(" 1")) << host.asked[0];
  slots.give_back(bench.node("a"));
  slots.give_back(bench.node("d"));
  EXPECT_EQ(host.released, std::vector<int>{7});
  host.full = true;
  EXPECT_FALSE(slots.take(bench.node("b")));
  EXPECT_EQ(host.asked[0], host.asked[1]) << "one resource has one name";
  host.full = false;
  EXPECT_TRUE(slots.take(bench.node("b"))) << "a refusal must not count as taken";
}

}  // namespace
