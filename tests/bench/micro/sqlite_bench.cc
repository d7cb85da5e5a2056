/// \file
/// Measures the sink `sqlite`: a partition of 200,000 rows, from open() to the end of commit().
#include "host.hpp"
#include "plugins/sqlite/sqlite_sink.hpp"
#include "tests/support/files.hpp"

#include <array>

namespace {

constexpr std::size_t rows = 20'000;
constexpr std::size_t batches = 10;

etl_option option(std::string_view name, std::uint32_t type) {
  etl_option value{};
  value.name = etl::detail::to_abi(name);
  value.type = type;
  return value;
}

void WritePartition(benchmark::State& state, bool upsert) {
  const etl_test::TemporaryFolder folder;
  const std::string path = folder.path("bench.db").string();
  const std::array<etl_str, 3> key = {etl::detail::to_abi("hour"),
                                      etl::detail::to_abi("domain_code"),
                                      etl::detail::to_abi("title")};
  std::array<etl_option, 6> values = {
      option("path", ETL_OPTION_PATH),   option("table", ETL_OPTION_STRING),
      option("mode", ETL_OPTION_STRING), option("timestamps", ETL_OPTION_STRING),
      option("key", ETL_OPTION_LIST),    option("busy_timeout", ETL_OPTION_DURATION)};
  values[0].value.s = etl::detail::to_abi(path);
  values[1].value.s = etl::detail::to_abi("pageviews");
  values[2].value.s = etl::detail::to_abi(upsert ? "upsert" : "append");
  values[3].value.s = etl::detail::to_abi("text");
  values[4].value.list = {key.data(), upsert ? key.size() : 0};
  values[5].value.i = 1000;
  sqlite::SqliteSink sink{etl::Options(values), micro::context()};
  sink.prepare(micro::schema());
  std::size_t partition = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<etl::Batch> input;
    for (std::size_t i = 0; i < batches; ++i) input.push_back(micro::batch(rows));
    etl::WriteRequest request{"bench", "source", "sink", "run", {}, false};
    request.partition.id = "p" + std::to_string(++partition);
    etl::LedgerRecord record;
    record.state = etl::State::done;
    record.pipeline = "bench";
    record.source = "source";
    record.sink = "sink";
    record.partition = request.partition.id;
    record.run_id = "run";
    state.ResumeTiming();
    auto writer = sink.open(request, micro::schema());
    for (etl::Batch& batch : input) writer.write(std::move(batch));
    writer.commit(record);
  }
  micro::count_rows(state, rows * batches);
}
// A fixed number of partitions bounds the size of the file.
BENCHMARK_CAPTURE(WritePartition, append, false)->Unit(benchmark::kMillisecond)->Iterations(20);
BENCHMARK_CAPTURE(WritePartition, upsert, true)->Unit(benchmark::kMillisecond)->Iterations(20);

}  // namespace
