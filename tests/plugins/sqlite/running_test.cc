// Heartbeats in etl_running, which wait for no lock; and what a merge refuses.
#include "support.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace sqlite_tests;

const Schema schema{{"part", Type::int32}, {"text", Type::utf8}};

std::vector<etl::Batch> one_batch(int part, int count) {
  etl::BatchBuilder builder(schema);
  for (int i = 0; i < count; ++i) builder.row(part, "row " + std::to_string(i));
  std::vector<etl::Batch> batches;
  batches.push_back(builder.finish());
  return batches;
}

etl::Heartbeat beat_of(const etl::WriteRequest& request, const std::string& run,
                       bool over = false) {
  etl::Heartbeat beat{request.pipeline, request.sink, run, {}, 3'600'000'000};
  if (!over) {
    beat.records.push_back({request.pipeline, request.source, request.sink, request.partition.id,
                            run, "", "host", 4711, 2, 1'700'000'000'123'456, 0});
  }
  return beat;
}

class Running : public testing::Test {
 protected:
  Running() : sink_(options_.make(host_.context())) { sink_->prepare(schema); }

  std::vector<std::string> shown() {
    std::vector<std::string> list;
    for (const etl::RunningRecord& each : sink_->running(request_.pipeline, request_.sink))
      list.push_back(each.run_id + " " + each.partition);
    return list;
  }

  TemporaryFolder folder_;
  FakeHost host_;
  SinkOptions options_{folder_.file("r.db")};
  std::unique_ptr<sqlite::SqliteSink> sink_;
  etl::WriteRequest request_ = request_for("p");
};

TEST_F(Running, EveryHeartbeatReplacesThatRunsOwn) {
  EXPECT_TRUE(shown().empty());
  sink_->heartbeat(beat_of(request_, "run-1"));
  sink_->heartbeat(beat_of(request_, "run-2"));
  sink_->heartbeat(beat_of(request_, "run-1"));
  EXPECT_EQ(shown(), (std::vector<std::string>{"run-1 p", "run-2 p"}));
  const etl::RunningRecord record = sink_->running(request_.pipeline, request_.sink).at(0);
  EXPECT_EQ(record.task, "");
  EXPECT_EQ(record.pid, 4711U);
  EXPECT_EQ(record.attempt, 2);
  EXPECT_EQ(record.since, 1'700'000'000'123'456);
  EXPECT_LT(record.silent, 3'600'000'000);
  sink_->heartbeat(beat_of(request_, "run-1", true));
  EXPECT_EQ(shown(), std::vector<std::string>{"run-2 p"});
}

TEST_F(Running, AWriterIsNotWaitedFor) {
  {
    const auto writer = sink_->open(request_, schema);
    EXPECT_EQ(error_of([&] { sink_->heartbeat(beat_of(request_, "run-1")); }).code(),
              Code::transient);
  }
  PlainDatabase other(options_.path);
  other.run("BEGIN IMMEDIATE");
  EXPECT_EQ(error_of([&] { sink_->heartbeat(beat_of(request_, "run-1")); }).code(),
            Code::transient);
  other.run("ROLLBACK");
  sink_->heartbeat(beat_of(request_, "run-1"));
  EXPECT_EQ(shown(), std::vector<std::string>{"run-1 p"});
}

TEST_F(Running, ARunThatSaysNothingMakesNoTable) {
  sink_->heartbeat(beat_of(request_, "run-1", true));
  EXPECT_EQ(PlainDatabase(options_.path)
                .value("SELECT count(*) FROM sqlite_master WHERE name = 'etl_running'"),
            "0");
}

class MergeOfTwo : public Running {
 protected:
  MergeOfTwo() : from_(other_.make(host_.context())) {
    from_->prepare(schema);
    load(*from_, schema, request_for("p"), one_batch(1, 5));
  }
  [[nodiscard]] etl::MergeRequest wanted(const std::string& partition) const {
    etl::MergeRequest request{request_.pipeline, request_.sink, {}};
    request.parts.push_back({request_.source, {}});
    request.parts.back().partition.id = partition;
    return request;
  }

  SinkOptions other_{folder_.file("other.db")};
  std::unique_ptr<sqlite::SqliteSink> from_;
};

TEST_F(MergeOfTwo, TheSecondTimeIsAConflictThatChangesNothing) {
  EXPECT_EQ(sink_->merge(*from_, wanted("p"), schema), 5);
  EXPECT_EQ(error_of([&] { sink_->merge(*from_, wanted("p"), schema); }).code(), Code::conflict);
  PlainDatabase merged(options_.path);
  EXPECT_EQ(merged.value("SELECT count(*) FROM " + std::string("t")), "5");
  EXPECT_EQ(merged.value("SELECT sum(rows_written) FROM etl_ledger"), "5");
}

TEST_F(MergeOfTwo, APartitionThatIsNotDoneThereIsAConflict) {
  EXPECT_EQ(error_of([&] { sink_->merge(*from_, wanted("q"), schema); }).code(), Code::conflict);
}

TEST_F(MergeOfTwo, AFileIntoItselfIsRefused) {
  EXPECT_EQ(error_of([&] { from_->merge(*from_, wanted("p"), schema); }).code(), Code::config);
}

TEST_F(MergeOfTwo, AFileThatIsGoneIsAnError) {
  std::filesystem::remove(other_.path);
  EXPECT_THROW(sink_->merge(*from_, wanted("p"), schema), etl::Error);
}

}  // namespace
