#include "core/runtime/workers/worker_protocol.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;

/// What arrives at the other end of a real socket.
nlohmann::json sent(const nlohmann::json& message) {
  std::array<int, 2> ends{};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const WorkerChannel one(ends[0]);
  const WorkerChannel other(ends[1]);
  EXPECT_TRUE(one.send(message));
  return other.receive().value();
}

TEST(WorkerProtocolTest, ARequestArrivesWhole) {
  AttemptRequest request;
  request.job = 41;
  request.source = 2;
  request.partition = {"id \xff\xfe", "file:///\"x\"", 123, {"hour", std::int64_t{1} << 60}};
  request.sinks = {5, 7};
  request.number = 3;
  request.started_at = 1'700'000'000'000'000;
  const AttemptRequest got = request_from(sent(to_json(request)));
  EXPECT_EQ(got.job, request.job);
  EXPECT_EQ(got.source, request.source);
  EXPECT_EQ(got.partition.id, request.partition.id) << "any bytes";
  EXPECT_EQ(got.partition.uri, request.partition.uri);
  EXPECT_EQ(got.partition.bytes, 123);
  EXPECT_EQ(got.partition.scope.column, "hour");
  EXPECT_EQ(got.partition.scope.value, request.partition.scope.value);
  EXPECT_EQ(got.sinks, request.sinks);
  EXPECT_EQ(got.number, 3);
  EXPECT_EQ(got.started_at, request.started_at);
}

TEST(WorkerProtocolTest, ScopesOfTextAndNone) {
  AttemptRequest request;
  request.partition.scope = {"part", std::string()};
  EXPECT_EQ(request_from(to_json(request)).partition.scope.value, request.partition.scope.value);
  request.partition.scope = {};
  EXPECT_EQ(request_from(to_json(request)).partition.scope.column, "");
}

TEST(WorkerProtocolTest, AResultArrivesWhole) {
  AttemptResult result;
  result.outcomes[3] = {Outcome::Kind::committed, std::nullopt, {10, 1, 2, 3, 6}};
  result.outcomes[4] = {
      Outcome::Kind::failed,
      StageError(etl::Error::transient("busy \xff").retry_after(milliseconds(1500)),
                 {"db", Kind::sink}),
      {}};
  result.outcomes[5] = {Outcome::Kind::put_off, std::nullopt, {}};
  result.stages = {{1, 2, 3, std::chrono::nanoseconds(4)}, {}};
  result.peaks = {100, 200};
  result.downloaded = 11;
  result.decoded = 12;
  result.rejects = "2 rows rejected";
  const AttemptResult got = result_from(sent(to_json(result)));
  ASSERT_EQ(got.outcomes.size(), 3U);
  EXPECT_EQ(got.outcomes.at(3).kind, Outcome::Kind::committed);
  EXPECT_EQ(got.outcomes.at(3).rows.written, 6);
  EXPECT_EQ(got.outcomes.at(3).rows.added, 1);
  EXPECT_FALSE(got.outcomes.at(3).error);
  const StageError& error = *got.outcomes.at(4).error;
  EXPECT_EQ(error.message(), result.outcomes[4].error->message()) << "the title stands in it once";
  EXPECT_EQ(error.code(), etl::Code::transient);
  EXPECT_EQ(error.stage(), "db");
  EXPECT_EQ(error.retry_after(), milliseconds(1500));
  EXPECT_EQ(got.outcomes.at(5).kind, Outcome::Kind::put_off);
  EXPECT_EQ(got.stages[0].busy, std::chrono::nanoseconds(4));
  EXPECT_EQ(got.peaks, result.peaks);
  EXPECT_EQ(got.downloaded, 11);
  EXPECT_EQ(got.decoded, 12);
  EXPECT_EQ(got.rejects, result.rejects);
}

TEST(WorkerProtocolTest, ASetupArrivesWhole) {
  WorkerSetup setup;
  setup.number = 2;
  setup.workers = 8;
  setup.pipeline = "/a b/p.toml";
  setup.set = {"run.workers=2", "db.path=\"x\""};
  setup.plugins = {"/lib/a.so", "/lib/b.so"};
  setup.hashes = {"00ff", "1234"};
  setup.now += std::chrono::microseconds(1'700'000'000'123'456);
  setup.run = {"pipeline", "run"};
  setup.memory_limit = 1 << 20;
  setup.reload = true;
  setup.faults = {"sink.commit=kill"};
  setup.log_level = LogLevel::debug;
  const WorkerSetup got = setup_from(sent(to_json(setup)));
  EXPECT_EQ(got.number, 2U);
  EXPECT_EQ(got.workers, 8U);
  EXPECT_EQ(got.pipeline, setup.pipeline);
  EXPECT_EQ(got.set, setup.set);
  EXPECT_EQ(got.plugins, setup.plugins);
  EXPECT_EQ(got.hashes, setup.hashes);
  EXPECT_EQ(got.now, setup.now);
  EXPECT_EQ(got.run.pipeline, "pipeline");
  EXPECT_EQ(got.run.run_id, "run");
  EXPECT_EQ(got.memory_limit, setup.memory_limit);
  EXPECT_TRUE(got.reload);
  EXPECT_EQ(got.faults, setup.faults);
  EXPECT_EQ(got.log_level, LogLevel::debug);
}

TEST(WorkerProtocolTest, TheOtherEndMayBeGone) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const WorkerChannel one(ends[0]);
  { const WorkerChannel other(ends[1]); }
  EXPECT_FALSE(one.receive());
  EXPECT_FALSE(one.send({{"end", true}}));
}

TEST(WorkerProtocolTest, WhatTheDeadHaveSaidIsHeard) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const WorkerChannel one(ends[0]);
  {
    const WorkerChannel other(ends[1]);
    ASSERT_TRUE(other.send({{"begun", 1}}));
    ASSERT_TRUE(other.send({{"begun", 2}}));
    ASSERT_TRUE(one.send({{"never", "read"}}));
  }
  EXPECT_EQ(one.receive(), nlohmann::json({{"begun", 1}}));
  EXPECT_EQ(one.receive(), nlohmann::json({{"begun", 2}}));
  EXPECT_FALSE(one.receive());
}

}  // namespace
