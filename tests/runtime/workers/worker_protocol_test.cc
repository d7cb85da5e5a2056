#include "core/runtime/workers/worker_protocol.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <thread>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;

struct Ends {
  Ends() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    runner.emplace(Descriptor(ends[0]));
    worker.emplace(Descriptor(ends[1]));
  }
  std::optional<RunnerChannel> runner;
  std::optional<WorkerChannel> worker;
};

/// Sends the message to a worker, through a real socket, and returns what arrives.
template <class Message>
Message at_worker(const Message& message) {
  const Ends ends;
  EXPECT_TRUE(ends.runner->send(message));
  return std::get<Message>(ends.worker->receive().value());
}

template <class Message>
Message at_runner(const Message& message) {
  const Ends ends;
  EXPECT_TRUE(ends.worker->send(message));
  return std::get<Message>(ends.runner->receive().value());
}

TEST(WorkerProtocolTest, ARequestArrivesWhole) {
  AttemptRequest request;
  request.job = 41;
  request.source = 2;
  request.partition = {"id \xff\xfe", "file:///\"x\"", 123, {"hour", std::int64_t{1} << 60}};
  request.sinks = {5, 7};
  request.number = 3;
  request.started_at = 1'700'000'000'000'000;
  const AttemptRequest got = at_worker(request);
  EXPECT_EQ(got.job, request.job);
  EXPECT_EQ(got.source, request.source);
  EXPECT_EQ(got.partition.id, request.partition.id) << "any bytes may be in it";
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
  EXPECT_EQ(at_worker(request).partition.scope.value, request.partition.scope.value);
  request.partition.scope = {};
  EXPECT_EQ(at_worker(request).partition.scope.column, "");
}

TEST(WorkerProtocolTest, AResultArrivesWhole) {
  AttemptResult result;
  result.outcomes[3] = {SinkOutcome::Kind::committed, std::nullopt, {10, 1, 2, 3, 6}};
  result.outcomes[4] = {
      SinkOutcome::Kind::failed,
      StageError(etl::Error::transient("busy \xff").retry_after(milliseconds(1500)),
                 {"db", Kind::sink}),
      {}};
  result.outcomes[5] = {SinkOutcome::Kind::deferred, std::nullopt, {}};
  result.stages = {{1, 2, 3, std::chrono::nanoseconds(4)}, {}};
  result.peaks = {100, 200};
  result.downloaded = 11;
  result.decoded = 12;
  result.rejects = {{"too few fields", 2}};
  const AttemptResult got = at_runner(AttemptDone{7, result, 4096}).result;
  ASSERT_EQ(got.outcomes.size(), 3U);
  EXPECT_EQ(got.outcomes.at(3).kind, SinkOutcome::Kind::committed);
  EXPECT_EQ(got.outcomes.at(3).rows.written, 6);
  EXPECT_EQ(got.outcomes.at(3).rows.added, 1);
  EXPECT_FALSE(got.outcomes.at(3).error);
  const StageError& error = *got.outcomes.at(4).error;
  EXPECT_EQ(error.message(), result.outcomes[4].error->message()) << "its title is there once";
  EXPECT_EQ(error.code(), etl::Code::transient);
  EXPECT_EQ(error.stage(), "db");
  EXPECT_EQ(error.retry_after(), milliseconds(1500));
  EXPECT_EQ(got.outcomes.at(5).kind, SinkOutcome::Kind::deferred);
  EXPECT_EQ(got.stages[0].busy, std::chrono::nanoseconds(4));
  EXPECT_EQ(got.peaks, result.peaks);
  EXPECT_EQ(got.downloaded, 11);
  EXPECT_EQ(got.decoded, 12);
  EXPECT_EQ(got.rejects, result.rejects);
}

TEST(WorkerProtocolTest, AMessageMayBeLargerThanAPacket) {
  // Around the size of a packet, and more than the socket holds.
  for (const std::size_t size : {65'500U, 65'536U, 131'072U, 8'000'000U}) {
    const Ends ends;
    WorkerLogLine line;
    line.text.assign(size, 'x');
    std::thread sender([&] { EXPECT_TRUE(ends.worker->send(line)); });
    EXPECT_EQ(std::get<WorkerLogLine>(ends.runner->receive().value()).text, line.text);
    sender.join();
  }
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
  const WorkerSetup got = at_worker(setup);
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

TEST(WorkerProtocolTest, SmallMessagesArriveWhole) {
  const FinishPartition finish = at_worker(FinishPartition{3, "p \xff"});
  EXPECT_EQ(finish.source, 3U);
  EXPECT_EQ(finish.id, "p \xff");
  EXPECT_EQ(at_worker(CancelAttempts{15}).reason, 15);
  (void)at_worker(EndWorker{});
  EXPECT_EQ(at_runner(WorkerRefused{"why"}).reason, "why");
  const WorkerLogLine line = at_runner(WorkerLogLine{LogLevel::warn, "s", "text \xff"});
  EXPECT_EQ(line.level, LogLevel::warn);
  EXPECT_EQ(line.stage, "s");
  EXPECT_EQ(line.text, "text \xff");
  EXPECT_EQ(at_runner(AttemptBegun{1}).job, 1U);
  EXPECT_EQ(at_runner(PartitionRead{2}).job, 2U);
  const AttemptDone done = at_runner(AttemptDone{3, {}, 4096});
  EXPECT_EQ(done.job, 3U);
  EXPECT_EQ(done.resident_bytes, 4096);
}

TEST(WorkerProtocolTest, TheOtherEndMayBeGone) {
  Ends ends;
  ends.worker.reset();
  EXPECT_FALSE(ends.runner->receive());
  EXPECT_FALSE(ends.runner->send(EndWorker{}));
}

TEST(WorkerProtocolTest, MessagesOfADeadWorkerAreReceived) {
  Ends ends;
  ASSERT_TRUE(ends.worker->send(AttemptBegun{1}));
  ASSERT_TRUE(ends.worker->send(AttemptBegun{2}));
  ASSERT_TRUE(ends.runner->send(EndWorker{}));  // never received
  ends.worker.reset();
  EXPECT_EQ(std::get<AttemptBegun>(ends.runner->receive().value()).job, 1U);
  EXPECT_EQ(std::get<AttemptBegun>(ends.runner->receive().value()).job, 2U);
  EXPECT_FALSE(ends.runner->receive());
}

}  // namespace
