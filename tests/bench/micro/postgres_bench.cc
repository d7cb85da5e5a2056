/// \file
/// Measures the sink `postgres` up to the socket: encoding batches for COPY. tools/bench.sh measures the
/// server's part.
#include "host.hpp"
#include "plugins/postgres/copy_encoder.hpp"

namespace {

void EncodeBatch(benchmark::State& state) {
  constexpr std::size_t rows = 20'000;
  constexpr std::size_t enough = std::size_t{1} << 20;
  const etl::Batch batch = micro::batch(rows);
  postgres::CopyEncoder encoder({});
  postgres::CopyBuffer buffer;
  std::int64_t bytes = 0;
  for (auto _ : state) {
    encoder.take(batch);
    for (bool more = true; more;) {
      more = encoder.encode(buffer, enough);
      bytes += static_cast<std::int64_t>(buffer.size());
      benchmark::DoNotOptimize(buffer.bytes().data());
      buffer.clear();
    }
  }
  state.SetBytesProcessed(bytes);
  micro::count_rows(state, rows);
}
BENCHMARK(EncodeBatch);

}  // namespace
