// Heartbeats in etl_running, which wait for no lock.
#include "sink_fixture.hpp"

#include <algorithm>

namespace postgres_test {
namespace {

constexpr std::int64_t hour_us = std::int64_t{3600} * 1'000'000;

etl::Heartbeat beat_of(const std::string& run, const std::vector<std::string>& partitions) {
  etl::Heartbeat beat{"pipeline", "sink", run, {}, hour_us};
  for (const std::string& partition : partitions) {
    beat.records.push_back({"pipeline", "source", "sink", partition, run, "3/8", "hôte", 4711, 2,
                            1'700'000'000'123'456, 0});
  }
  return beat;
}

std::vector<std::string> shown(postgres::PostgresSink& sink) {
  std::vector<std::string> list;
  for (const etl::RunningRecord& each : sink.running("pipeline", "sink"))
    list.push_back(each.run_id + " " + each.partition);
  return list;
}

class RunningTest : public SinkTest {};

TEST_F(RunningTest, EveryHeartbeatReplacesThatRunsOwn) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  EXPECT_TRUE(shown(*sink).empty()) << "there is no table yet";
  sink->heartbeat(beat_of("run-1", {"a", "b"}));
  sink->heartbeat(beat_of("run-2", {"b"}));
  sink->heartbeat(beat_of("run-1", {"c"}));
  EXPECT_EQ(shown(*sink), (std::vector<std::string>{"run-2 b", "run-1 c"}));
  EXPECT_TRUE(sink->running("pipeline", "other").empty());

  const etl::RunningRecord record = sink->running("pipeline", "sink").back();
  EXPECT_EQ(std::tie(record.source, record.task, record.host),
            std::make_tuple("source", "3/8", "hôte"));
  EXPECT_EQ(record.pid, 4711U);
  EXPECT_EQ(record.attempt, 2);
  EXPECT_EQ(record.since, 1'700'000'000'123'456);
  EXPECT_GE(record.silent, 0);
  EXPECT_LT(record.silent, hour_us);

  sink->heartbeat(beat_of("run-1", {}));
  sink->heartbeat(beat_of("run-2", {}));
  EXPECT_TRUE(shown(*sink).empty());
}

TEST_F(RunningTest, ARunThatSaysNothingMakesNoTable) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  sink->heartbeat(beat_of("run-1", {}));
  EXPECT_EQ(db().text("SELECT to_regclass('etl_running') IS NULL"), "t");
}

TEST_F(RunningTest, WhoWasSilentForLongGoes) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  sink->heartbeat(beat_of("lost", {"a"}));
  db().run("UPDATE etl_running SET seen = seen - interval '2 hours'");
  EXPECT_GT(sink->running("pipeline", "sink").at(0).silent, hour_us);
  sink->heartbeat(beat_of("run-1", {"b"}));
  EXPECT_EQ(shown(*sink), std::vector<std::string>{"run-1 b"});
}

TEST_F(RunningTest, NoLockIsWaitedFor) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  sink->heartbeat(beat_of("run-1", {"a"}));
  db().run("BEGIN");
  db().run("LOCK TABLE etl_running");
  EXPECT_EQ(error_of([&] { sink->heartbeat(beat_of("run-1", {"b"})); }).code(),
            etl::Code::transient);
  db().run("ROLLBACK");
  sink->heartbeat(beat_of("run-1", {"b"}));
  EXPECT_EQ(shown(*sink), std::vector<std::string>{"run-1 b"});
}

TEST_F(RunningTest, ALastWordIsPossibleAfterTheRunWasCancelled) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  sink->heartbeat(beat_of("run-1", {"a"}));
  sink.host.cancel();
  sink->heartbeat(beat_of("run-1", {}));
  EXPECT_EQ(db().text("SELECT count(*) FROM etl_running"), "0");
}

TEST_F(RunningTest, ALostConnectionIsMadeAnew) {
  TestSink sink(append());
  sink->prepare(simple_schema());
  sink->heartbeat(beat_of("run-1", {"a"}));
  terminate_sinks();
  EXPECT_EQ(error_of([&] { sink->heartbeat(beat_of("run-1", {"b"})); }).code(),
            etl::Code::transient);
  sink->heartbeat(beat_of("run-1", {"b"}));
  EXPECT_EQ(shown(*sink), std::vector<std::string>{"run-1 b"});
}

}  // namespace
}  // namespace postgres_test
