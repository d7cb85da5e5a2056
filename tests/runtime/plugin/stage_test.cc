// Plugins that follow the ABI carelessly: the error names the stage, and the runner survives.
#include "core/runtime/plugin/sink_stage.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using runtime_test::Bench;
using testing::HasSubstr;

std::string pipeline_with(const std::string& source) {
  return "[sources.s]\nplugin = \"" + source +
         "\"\n[sinks.db]\nplugin = \"probe_mute\"\ninput = \"s\"\n";
}

/// The error of the only partition.
std::string failure_of(const std::string& source) {
  Bench bench(pipeline_with(source), "retries = 0");
  const Summary summary = bench.run();
  if (summary.failures.size() != 1) return "failures: " + std::to_string(summary.failures.size());
  EXPECT_EQ(summary.failures[0].stage, "s");
  EXPECT_EQ(summary.failures[0].partition, "only");
  return summary.failures[0].error;
}

/// A transactional sink without any of the optional functions.
struct PlainSink {
  PlainSink() {
    calls.struct_size = sizeof(calls);
    table.struct_size = sizeof(table);
    table.kind = ETL_SINK;
    table.flags = ETL_STAGE_TRANSACTIONAL;
    table.create = [](const etl_host*, const etl_option*, std::size_t, void** self,
                      etl_error*) -> int {
      *self = nullptr;
      return ETL_OK;
    };
    table.sink = &calls;
  }
  etl_sink calls{};
  etl_stage table{};
};

TEST(StageTest, ASinkMayLackOptionalFunctions) {
  Cancellation cancellation;
  const PlainSink sink;
  const StageServices services{cancellation,
                               [](const std::string&, std::uint32_t, std::string_view) {}};
  const SinkStage stage(sink.table, "db", {}, services);
  EXPECT_FALSE(stage.has_heartbeat());
  EXPECT_FALSE(stage.can_merge());
  EXPECT_TRUE(stage.running("pipeline").empty());
}

TEST(StageTest, ASinkWithOptionalFunctionsHasThem) {
  Cancellation cancellation;
  PlainSink sink;
  sink.calls.heartbeat = [](void*, const etl_heartbeat*, etl_error*) -> int { std::abort(); };
  sink.calls.running = [](void*, etl_str, etl_str, void (*)(void*, const etl_running_record*),
                          void*, etl_error*) -> int { std::abort(); };
  sink.calls.merge = [](void*, void*, const etl_merge_request*, const ArrowSchema*, std::int64_t*,
                        etl_error*) -> int { std::abort(); };
  const StageServices services{cancellation,
                               [](const std::string&, std::uint32_t, std::string_view) {}};
  const SinkStage stage(sink.table, "db", {}, services);
  EXPECT_TRUE(stage.has_heartbeat());
  EXPECT_TRUE(stage.can_merge());
}

TEST(CarelessStageTest, OkWithoutASchema) {
  Bench bench(pipeline_with("careless_schema"));
  EXPECT_EQ(bench.mistakes(), "error: source \"s\": gave no columns\n");
}

TEST(CarelessStageTest, OkWithoutAStream) {
  EXPECT_EQ(failure_of("careless_stream"), "source \"s\": returned no stream to read from");
}

TEST(CarelessStageTest, AnErrnoWithoutAWord) {
  EXPECT_EQ(failure_of("careless_errno"), "source \"s\": Resource temporarily unavailable");
}

TEST(CarelessStageTest, AnErrnoWithTheTextOfTheStream) {
  EXPECT_EQ(failure_of("careless_errno_text"), "source \"s\": the disk is upside down");
}

TEST(CarelessStageTest, AMalformedBatchNamesItsStage) {
  EXPECT_EQ(failure_of("careless_batch"),
            "source \"s\": malformed Arrow batch: 0 columns, but the schema has 1");
}

TEST(CarelessStageTest, FailureWithoutAWord) {
  EXPECT_EQ(failure_of("careless_silence"), "source \"s\": failed without saying why");
}

TEST(CarelessStageTest, AnUnknownCode) {
  EXPECT_EQ(failure_of("careless_code"), "source \"s\": an odd code (error code 99)");
}

TEST(CarelessStageTest, AMessageWithoutAnEnd) {
  EXPECT_EQ(failure_of("careless_text"),
            "source \"s\": " + std::string(sizeof(etl_error::message), 'm'));
}

TEST(CarelessStageTest, ManyReasonsAreSummedUp) {
  Bench bench(pipeline_with("careless_reasons"), "retries = 0\nmax_rejects = 10");
  const Summary summary = bench.run();
  ASSERT_EQ(summary.failures.size(), 1U);
  EXPECT_THAT(summary.failures[0].error,
              HasSubstr("500 rows rejected: 1 x reason 000, 1 x reason 001"));
  EXPECT_THAT(summary.failures[0].error, HasSubstr(" x other reasons"));
  EXPECT_LT(summary.failures[0].error.size(), 1000U);
}

TEST(CarelessStageTest, OutputOfAFilterIsCheckedToo) {
  Bench bench(R"(
[sources.s]
plugin = "probe_source"
[filters.f]
plugin = "probe_lie"
input = "s"
[sinks.db]
plugin = "probe_mute"
input = "f"
)",
              "retries = 0");
  const Summary summary = bench.run();
  ASSERT_EQ(summary.failures.size(), 1U);
  EXPECT_EQ(summary.failures[0].stage, "f");
  EXPECT_EQ(summary.failures[0].error,
            "filter \"f\": the filter returned a batch whose columns differ from schema()");
}

TEST(CarelessStageTest, AFilterWithoutColumnsIsRefused) {
  Bench bench(R"(
[sources.s]
plugin = "probe_source"
[filters.f]
plugin = "probe_nothing"
input = "s"
[sinks.db]
plugin = "probe_mute"
input = "f"
)");
  EXPECT_EQ(bench.mistakes(), "error: filter \"f\": gave no columns\n");
}

TEST(CarelessStageTest, ForeignExceptionsBecomeErrors) {
  for (const auto& [how, text] :
       std::map<std::string, std::string>{{"throw", "source \"s\": ordered to fail at next p0"},
                                          {"unknown", "source \"s\": unknown exception"}}) {
    Bench bench("[sources.s]\nplugin = \"probe_source\"\nfail_at = \"next\"\nfail = \"" + how +
                "\"\n[sinks.db]\nplugin = \"probe_mute\"\ninput = \"s\"\n");
    const Summary summary = bench.run();
    ASSERT_EQ(summary.failures.size(), 1U);
    EXPECT_EQ(summary.failures[0].error, text);
    EXPECT_EQ(summary.failures[0].attempts, 1) << "a defect is not retried";
  }
}

}  // namespace
