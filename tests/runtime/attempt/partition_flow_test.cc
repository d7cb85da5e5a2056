#include "core/runtime/attempt/partition_flow.hpp"

#include "core/runtime/pipeline_tests/row_values.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using etl::Batch;
using runtime_test::Bench;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t many = 1'000'000;

/// One flow over partition p0, and what arrived where.
class Flow {
 public:
  explicit Flow(Bench& bench, bool pushdown = true, std::int64_t max_rejects = many,
                std::vector<std::string> targets = {})
      : bench_(bench),
        flow_(bench.graph(), bench.node("s"), nodes(targets), settings(pushdown, max_rejects),
              bench.cancellation) {}

  void run() {
    const etl::Partition partition{"p0", "probe://p0", -1, {"part", "p0"}};
    flow_.run(partition, [&](NodeIndex target, const Batch& batch) {
      std::vector<std::int64_t>& numbers = arrived_[bench_.graph()[target].name];
      const auto column = batch.column<std::int64_t>("n");
      for (std::size_t row = 0; row < batch.rows(); ++row) numbers.push_back(column[row]);
      return numbers.size() < stop_after_;
    });
  }
  std::string failure() {
    try {
      run();
    } catch (const etl::Error& error) {
      return error.message();
    }
    return "it did not fail";
  }
  void stop_after(std::size_t rows) { stop_after_ = rows; }

  const std::vector<std::int64_t>& at(const std::string& target) { return arrived_[target]; }
  RowCounts counts(std::string_view sink) { return flow_.counts_for(bench_.node(sink)); }
  const StageCounts& stage(std::string_view name) { return flow_.stages()[bench_.node(name)]; }
  const PartitionFlow& operator*() const { return flow_; }

 private:
  std::vector<NodeIndex> nodes(const std::vector<std::string>& targets) {
    if (targets.empty()) return bench_.graph().sinks_of(bench_.node("s"));
    std::vector<NodeIndex> found;
    for (const std::string& name : targets) found.push_back(bench_.node(name));
    return found;
  }
  static FlowSettings settings(bool pushdown, std::int64_t max_rejects) {
    FlowSettings settings;
    settings.pushdown = pushdown;
    settings.max_rejects = max_rejects;
    return settings;
  }

  Bench& bench_;
  PartitionFlow flow_;
  std::size_t stop_after_ = static_cast<std::size_t>(-1);
  std::map<std::string, std::vector<std::int64_t>> arrived_;
};

std::string source(const std::string& options = "") {
  return "[sources.s]\nplugin = \"probe_source\"\n" + options + "\n";
}
std::string filter(const std::string& name, const std::string& plugin, const std::string& input,
                   const std::string& options = "") {
  return "[filters." + name + "]\nplugin = \"" + plugin + "\"\ninput = " + input + "\n" + options +
         "\n";
}
std::string sink(const std::string& input, const std::string& name = "db") {
  return "[sinks." + name + "]\nplugin = \"probe_parallel\"\ninput = " + input + "\n";
}

/// read + added = filtered + rejected + written
void expect_counts(const RowCounts& rows, const RowCounts& wanted) {
  EXPECT_EQ(rows.read, wanted.read);
  EXPECT_EQ(rows.added, wanted.added);
  EXPECT_EQ(rows.filtered, wanted.filtered);
  EXPECT_EQ(rows.rejected, wanted.rejected);
  EXPECT_EQ(rows.written, wanted.written);
  EXPECT_TRUE(rows.balanced());
}

TEST(PartitionFlowTest, EveryRowInOrder) {
  Bench bench(source("rows = 10\nbatch_rows = 3") + sink("\"s\""));
  Flow flow(bench);
  flow.run();
  EXPECT_THAT(flow.at("db"), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  expect_counts(flow.counts("db"), {10, 0, 0, 0, 10});
}

TEST(PartitionFlowTest, AnEmptyPartition) {
  Bench bench(source("rows = 0") + sink("\"s\""));
  Flow flow(bench);
  flow.run();
  expect_counts(flow.counts("db"), {});
}

TEST(PartitionFlowTest, PushdownGivesTheSameRowsAndCounts) {
  Bench bench(source("rows = 20\nreject_every = 7") +
              filter("red", "probe_keep", "\"s\"", "colour = \"red\"") + sink("\"red\""));
  Flow with(bench, true);
  Flow without(bench, false);
  with.run();
  without.run();
  EXPECT_EQ(with.at("db"), without.at("db"));
  EXPECT_THAT(with.at("db"), ElementsAre(3, 6, 9, 12, 15, 18));
  expect_counts(with.counts("db"), without.counts("db"));
  expect_counts(with.counts("db"), {20, 0, 11, 3, 6});
  for (const char* name : {"s", "red"}) {
    EXPECT_EQ(with.stage(name).rows_in, without.stage(name).rows_in) << name;
    EXPECT_EQ(with.stage(name).rows_out, without.stage(name).rows_out) << name;
  }
}

TEST(PartitionFlowTest, NoPushdownWhereAnotherStageNeedsTheRows) {
  Bench bench(source() + filter("red", "probe_keep", "\"s\"", "colour = \"red\"") +
              sink("\"red\"", "reds") + sink("\"s\"", "all"));
  Flow flow(bench);
  flow.run();
  EXPECT_EQ(flow.at("all").size(), 10U);
  EXPECT_EQ(flow.at("reds").size(), 4U);
  expect_counts(flow.counts("reds"), {10, 0, 6, 0, 4});
  expect_counts(flow.counts("all"), {10, 0, 0, 0, 10});
}

TEST(PartitionFlowTest, PushdownWhereTheOtherSinkIsDone) {
  Bench bench(source() + filter("red", "probe_keep", "\"s\"", "colour = \"red\"") +
              sink("\"red\"", "reds") + sink("\"s\"", "all"));
  Flow flow(bench, true, many, {"reds"});
  flow.run();
  EXPECT_THAT(flow.at("all"), IsEmpty());
  expect_counts(flow.counts("reds"), {10, 0, 6, 0, 4});
}

TEST(PartitionFlowTest, ADiamondAddsRows) {
  Bench bench(source("rows = 6\nbatch_rows = 10") +
              filter("red", "probe_keep", "\"s\"", "colour = \"red\"") +
              filter("twice", "probe_expand", "\"s\"") + sink("[\"twice\", \"red\", \"s\"]"));
  Flow flow(bench);
  flow.run();
  EXPECT_EQ(flow.at("db").size(), 6U + 2U + 12U);
  // Two additional paths: 2 x 6; expanded: 6; filtered: 4.
  expect_counts(flow.counts("db"), {6, 18, 4, 0, 20});
}

TEST(PartitionFlowTest, InputsArriveInAFixedOrder) {
  Bench bench(source("rows = 4\nbatch_rows = 2") +
              filter("red", "probe_keep", "\"s\"", "colour = \"red\"") +
              filter("green", "probe_keep", "\"s\"", "colour = \"green\"") +
              filter("blue", "probe_keep", "\"s\"", "colour = \"blue\"") +
              sink("[\"blue\", \"green\", \"red\"]"));
  Flow first(bench);
  Flow second(bench);
  first.run();
  second.run();
  EXPECT_THAT(first.at("db"), ElementsAre(0, 1, 3, 2));
  EXPECT_EQ(first.at("db"), second.at("db"));
}

TEST(PartitionFlowTest, BatchesHeldBackComeOutInTopologicalOrder) {
  Bench bench(source("rows = 5\nbatch_rows = 2") + filter("a", "probe_hold", "\"s\"") +
              filter("b", "probe_hold", "\"a\"") +
              filter("c", "probe_expand", "\"b\"", "times = 2") + sink("\"c\""));
  Flow flow(bench);
  flow.run();
  EXPECT_THAT(flow.at("db"), ElementsAre(0, 0, 1, 1, 2, 2, 3, 3, 4, 4));
  expect_counts(flow.counts("db"), {5, 5, 0, 0, 10});
}

TEST(PartitionFlowTest, RejectsCountForTheStageThatMadeThem) {
  Bench bench(source("rows = 12\nreject_every = 6") +
              filter("picky", "probe_reject", "\"s\"", "every = 5") + sink("\"picky\""));
  Flow flow(bench);
  flow.run();
  // The source rejects 0 and 6; the filter 5 and 10.
  EXPECT_THAT(flow.at("db"), ElementsAre(1, 2, 3, 4, 7, 8, 9, 11));
  expect_counts(flow.counts("db"), {12, 0, 0, 4, 8});
  EXPECT_EQ(flow.stage("s").rejected, 2);
  EXPECT_EQ(flow.stage("picky").rejected, 2);
  EXPECT_EQ((*flow).counts().rejects_by_reason(),
            "4 rows rejected: 2 x not to the filter's taste, 2 x not to the source's taste");
}

TEST(PartitionFlowTest, RejectsOnOneWayOfADiamond) {
  Bench bench(source("rows = 10") + filter("picky", "probe_reject", "\"s\"", "every = 2") +
              sink("[\"s\", \"picky\"]"));
  Flow flow(bench);
  flow.run();
  expect_counts(flow.counts("db"), {10, 10, 0, 5, 15});
}

TEST(PartitionFlowTest, RejectsUpToTheLimitPass) {
  Bench bench(source("rows = 10\nreject_every = 2") + sink("\"s\""));
  Flow(bench, true, 5).run();
  EXPECT_EQ(Flow(bench, true, 4).failure(),
            "source \"s\": 5 rows rejected: 5 x not to the source's taste (run.max_rejects = 4)");
}

TEST(PartitionFlowTest, ReasonsCannotSteerTheTerminal) {
  Bench bench(source("rows = 3") +
              filter("picky", "probe_reject", "\"s\"", "reason = \"a\\u001b[2Jb\"") +
              sink("\"picky\""));
  Flow flow(bench);
  flow.run();
  EXPECT_EQ((*flow).counts().rejects_by_reason(), "1 row rejected: 1 x a\xEF\xBF\xBD[2Jb");
}

TEST(PartitionFlowTest, ASourceWhoseCountsLie) {
  for (const char* lie : {"1", "-1"}) {
    Bench bench(source(std::string("rows = 10\nlie = ") + lie) + sink("\"s\""));
    EXPECT_EQ(Flow(bench).failure(),
              "source \"s\": the counts do not add up: " + std::to_string(10 + std::stoi(lie)) +
                  " rows read, but 10 emitted or dropped and 0 rejected");
  }
}

TEST(PartitionFlowTest, ASourceThatDropsRowsNobodyOffered) {
  Bench bench(source("rows = 10\ndrop_anyway = true") + sink("\"s\""));
  EXPECT_EQ(Flow(bench).failure(), "source \"s\": 10 rows dropped without a predicate");
}

TEST(PartitionFlowTest, ASourceThatCountsNothingIsCounted) {
  Bench bench(source("rows = 10\nreject_every = 5\nreport = false") + sink("\"s\""));
  Flow flow(bench);
  flow.run();
  expect_counts(flow.counts("db"), {10, 0, 0, 2, 8});
  EXPECT_EQ((*flow).counts().decoded(), 10);
}

TEST(PartitionFlowTest, StopsOnceNobodyWantsMore) {
  Bench bench(source("rows = 1000\nbatch_rows = 10\nfail = \"permanent\"\nfail_at = \"next\"\n"
                     "fail_after = 30") +
              sink("\"s\""));
  Flow flow(bench);
  flow.stop_after(20);
  flow.run();
  EXPECT_EQ(flow.at("db").size(), 20U);
  EXPECT_TRUE((*flow).closed(bench.node("db")));
}

TEST(PartitionFlowTest, OneThatWantsNoMoreDoesNotStopTheOthers) {
  Bench bench(source("rows = 40\nbatch_rows = 10") +
              filter("red", "probe_keep", "\"s\"", "colour = \"red\"") + sink("\"s\"", "all") +
              sink("\"red\"", "reds"));
  Flow flow(bench);
  flow.stop_after(14);  // there are 14 red rows
  flow.run();
  EXPECT_TRUE((*flow).closed(bench.node("all")));
  EXPECT_EQ(flow.at("reds").size(), 14U);
  EXPECT_EQ(flow.at("all").size(), 20U);
}

TEST(PartitionFlowTest, AFilterCanBeTheTarget) {
  Bench bench(
      source() + filter("red", "probe_keep", "\"s\"", "colour = \"red\"") +
      filter("never", "probe_throw", "\"red\"", "fail = \"permanent\"\nfail_at = \"apply\"") +
      sink("\"never\""));
  Flow flow(bench, true, many, {"red"});
  flow.run();
  EXPECT_THAT(flow.at("red"), ElementsAre(0, 3, 6, 9));
}

TEST(PartitionFlowTest, FailuresNameTheirStage) {
  const auto failure = [](const std::string& point) {
    Bench bench(
        source() +
        filter("f", "probe_throw", "\"s\"", "fail = \"permanent\"\nfail_at = \"" + point + "\"") +
        sink("\"f\""));
    return Flow(bench).failure();
  };
  EXPECT_EQ(failure("apply"), "filter \"f\": ordered to fail at apply");
  EXPECT_EQ(failure("finish"), "filter \"f\": ordered to fail at finish");
}

/// Rows 0, 1, ... with these colours.
std::vector<Batch> given_rows(Bench& bench, std::string_view stage,
                              const std::vector<std::string>& colours) {
  const auto schema = std::make_shared<const etl::Schema>(bench.graph()[bench.node(stage)].out);
  std::vector<PartialRow> rows;
  for (std::size_t i = 0; i < colours.size(); ++i) {
    PartialRow row(schema->size());
    row[schema->at("n")] = static_cast<std::int64_t>(i);
    row[schema->at("colour")] = colours[i];
    rows.push_back(std::move(row));
  }
  std::vector<Batch> batches;
  batches.push_back(batch_of(schema, rows));
  return batches;
}

TEST(PartitionFlowTest, GivenRowsTakeTheSourcesPlace) {
  Bench bench(source() + filter("red", "probe_keep", "\"s\"", "colour = \"red\"") +
              filter("twice", "probe_expand", "\"red\"", "times = 2") + sink("\"twice\""));
  for (const bool pushdown : {true, false}) {
    FlowSettings settings;
    settings.pushdown = pushdown;
    PartitionFlow flow(bench.graph(), bench.node("s"), {bench.node("db")}, std::move(settings),
                       bench.cancellation);
    std::vector<std::int64_t> numbers;
    flow.run_on(given_rows(bench, "s", {"red", "blue", "red", "green"}),
                [&](NodeIndex, const Batch& batch) {
                  const auto column = batch.column<std::int64_t>("n");
                  for (std::size_t row = 0; row < batch.rows(); ++row)
                    numbers.push_back(column[row]);
                  return true;
                });
    EXPECT_THAT(numbers, ElementsAre(0, 0, 2, 2));
    expect_counts(flow.counts_for(bench.node("db")), {4, 2, 2, 0, 4});
    EXPECT_EQ(flow.stages()[bench.node("red")].rows_in, 4);
  }
}

TEST(PartitionFlowTest, GivenRowsTakeAFiltersPlace) {
  Bench bench(source() + filter("red", "probe_keep", "\"s\"", "colour = \"red\"") +
              filter("twice", "probe_expand", "\"red\"", "times = 2") + sink("\"twice\""));
  PartitionFlow flow(bench.graph(), bench.node("red"), {bench.node("db")}, {}, bench.cancellation);
  std::size_t rows = 0;
  flow.run_on(given_rows(bench, "red", {"blue", "red"}), [&](NodeIndex, const Batch& batch) {
    rows += batch.rows();
    return true;
  });
  EXPECT_EQ(rows, 4U);  // the filter itself did not run
  expect_counts(flow.counts_for(bench.node("db")), {2, 2, 0, 0, 4});
}

TEST(PartitionFlowTest, CancellationEndsIt) {
  Bench bench(source("rows = 1000") + sink("\"s\""));
  bench.cancellation.request(0);
  EXPECT_EQ(Flow(bench).failure(), "stopped");
}

TEST(PartitionFlowTest, ManyFlowsShareTheStages) {
  Bench bench(source("rows = 50") + filter("red", "probe_keep", "\"s\"", "colour = \"red\"") +
              sink("\"red\""));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&bench] {
      for (int j = 0; j < 20; ++j) {
        Flow flow(bench);
        flow.run();
        EXPECT_EQ(flow.at("db").size(), 17U);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
