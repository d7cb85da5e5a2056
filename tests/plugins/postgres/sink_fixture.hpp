/// \file
/// The fixture of tests of the sink: a host, an empty database, partitions to load.
#pragma once

#include "cluster.hpp"
#include "plugins/postgres/postgres_sink.hpp"
#include "tests/support/recording_host.hpp"
#include "tests/support/wait.hpp"

#include <etl/builder.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace postgres_test {

using etl_test::wait_until;

/// A sink with its host, created from a pipeline's options.
class TestSink {
 public:
  struct Given {
    std::string dsn;
    std::string table = "t";
    std::string mode = "append";
    etl::Strings key = {};
    etl::Strings order = {};
    etl::StringMap combine = {};
    std::string existing_rows = "refuse";
  };
  explicit TestSink(const Given& given);

  postgres::PostgresSink* operator->() const { return sink_.get(); }
  postgres::PostgresSink& operator*() const { return *sink_; }
  /// Destroys the sink, but not its host.
  void destroy() { sink_.reset(); }

  etl_test::RecordingHost host;

 private:
  std::unique_ptr<postgres::PostgresSink> sink_;
};

/// The server that all tests share, started at the first use.
Cluster& cluster();
void stop_cluster();

/// A test with an empty database, which all tests reuse.
class SinkTest : public testing::Test {
 protected:
  SinkTest();

  [[nodiscard]] static std::string database() { return "test"; }
  [[nodiscard]] static std::string dsn() { return cluster().dsn(database()); }
  [[nodiscard]] static TestSink::Given append(const std::string& table = "t") {
    return {dsn(), table};
  }
  [[nodiscard]] static TestSink::Given upsert(const etl::Strings& key,
                                              const std::string& table = "t") {
    return {dsn(), table, "upsert", key};
  }
  /// Ends the sessions of the sinks, as an operator would. Returns their number.
  int terminate_sinks();
  /// The number of the sinks' sessions for which the SQL `condition` is true.
  int sessions(const std::string& condition = "true");
  /// Waits until a session of a sink waits for a lock. False after a timeout.
  bool wait_for_lock();

  Session& db() { return *session_; }

 private:
  std::unique_ptr<Session> session_;
};

/// Columns id (int64) and title (utf8).
etl::Schema simple_schema();
etl::Batch simple_batch(std::int64_t first, std::int64_t count, const std::string& title = "title");

etl::WriteRequest request_for(const std::string& partition, const std::string& run = "run-1");
etl::LedgerRecord record_for(const etl::WriteRequest& request, std::int64_t rows,
                             etl::State state = etl::State::done);

/// Loads one partition.
void load(postgres::PostgresSink& sink, const etl::WriteRequest& request, etl::Batch batch);

/// All messages of the sink, a line each.
std::string log_of(const etl_test::RecordingHost& host);

/// The etl::Error that `body` throws. Fails the test if it throws none.
etl::Error error_of(const std::function<void()>& body);

}  // namespace postgres_test

#define EXPECT_CONTAINS(text, part) \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << "in: " << (text)
#define EXPECT_LACKS(text, part) \
  EXPECT_EQ(std::string(text).find(part), std::string::npos) << "in: " << (text)
