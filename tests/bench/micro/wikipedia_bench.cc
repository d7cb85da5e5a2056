/// \file
/// Measures the layers of `wikipedia_pageviews`, and the filter `language`.
#include "host.hpp"
#include "plugins/common/compression/gzip_file.hpp"
#include "plugins/common/text/utf8.hpp"
#include "plugins/wikipedia/language_filter.hpp"
#include "plugins/wikipedia/page_view_reader.hpp"
#include "plugins/wikipedia/parse/line_scanner.hpp"
#include "plugins/wikipedia/parse/page_view_columns.hpp"
#include "plugins/wikipedia/parse/page_view_parser.hpp"
#include "tests/support/files.hpp"
#include "text.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>

namespace {

using namespace compression;
using namespace wikipedia;

const std::filesystem::path& gzip_file() {
  static const etl_test::TemporaryFolder folder;
  static const std::filesystem::path path = [] {
    const auto file = folder.path("pageviews-20160901-010000.gz");
    std::ofstream(file, std::ios::binary) << micro::gzip();
    return file;
  }();
  return path;
}

void Inflate(benchmark::State& state, Decoder decoder) {
  if (!has_decoder(decoder)) return state.SkipWithError("not built in");
  std::vector<char> block(std::size_t{256} << 10);
  for (auto _ : state) {
    GzipFile file(gzip_file(), decoder);
    while (file.read(block) != 0) benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(micro::text().size()));
}
BENCHMARK_CAPTURE(Inflate, isal, Decoder::isal)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Inflate, zlib, Decoder::zlib)->Unit(benchmark::kMillisecond);

void FindLines(benchmark::State& state) {
  const std::string_view text = micro::text();
  constexpr std::size_t block = PageViewParser::Settings{}.block_size;
  std::vector<std::uint32_t> ends(block + newline_slack);
  for (auto _ : state) {
    for (std::size_t at = 0; at < text.size(); at += block) {
      const std::string_view piece = text.substr(at, block);
      benchmark::DoNotOptimize(find_newlines(piece.data(), piece.size(), ends.data()));
      benchmark::ClobberMemory();
    }
  }
  micro::count_rows(state, micro::lines);
}
BENCHMARK(FindLines);

void ValidateUtf8(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(text::valid_utf8(micro::text()));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(micro::text().size()));
}
BENCHMARK(ValidateUtf8);

/// Calls `use` with every block of selected rows.
template <class Use>
void parse(const etl::Predicate& predicate, Use&& use) {
  PageViewParser parser({}, predicate, micro::task());
  std::string_view rest = micro::text();
  while (!rest.empty()) {
    const std::span<char> space = parser.space();
    const std::size_t size = std::min(space.size(), rest.size());
    std::memcpy(space.data(), rest.data(), size);
    rest.remove_prefix(size);
    use(parser.parse(size));
  }
  use(parser.finish());
}

const etl_predicate& french() {
  static const etl_predicate table = {
      sizeof(etl_predicate),
      etl::detail::to_abi("domain_code"),
      [](void*, etl_str value) { return etl::detail::to_view(value) == "fr" ? 1 : 0; },
      nullptr,
      nullptr,
      0};
  return table;
}

void ParseLines(benchmark::State& state, bool all) {
  const etl::Predicate predicate = all ? etl::Predicate() : etl::Predicate(&french());
  for (auto _ : state)
    parse(predicate,
          [](const PageViewBlock& block) { benchmark::DoNotOptimize(block.rows.size()); });
  micro::count_rows(state, micro::lines);
}
BENCHMARK_CAPTURE(ParseLines, french, false);
BENCHMARK_CAPTURE(ParseLines, every_row, true);

void BuildBatches(benchmark::State& state) {
  const auto schema = std::make_shared<const etl::Schema>(micro::schema());
  for (auto _ : state) {
    PageViewColumns columns(schema, 0);
    parse({}, [&](const PageViewBlock& block) {
      columns.append(block);
      if (columns.bytes() >= etl::batch_bytes) benchmark::DoNotOptimize(columns.finish().rows());
    });
  }
  micro::count_rows(state, micro::lines);
}
BENCHMARK(BuildBatches);

void ReadHour(benchmark::State& state, bool all) {
  const auto schema = std::make_shared<const etl::Schema>(micro::schema());
  const etl::Predicate predicate = all ? etl::Predicate() : etl::Predicate(&french());
  for (auto _ : state) {
    HourFile file;
    file.path = gzip_file();
    PageViewReader reader(std::move(file), schema, {}, predicate, micro::task());
    while (const auto batch = reader.next()) benchmark::DoNotOptimize(batch->rows());
  }
  micro::count_rows(state, micro::lines);
}
BENCHMARK_CAPTURE(ReadHour, french, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ReadHour, every_row, true)->Unit(benchmark::kMillisecond);

/// Filters rows without pushdown; half of them stay, contiguously.
void FilterBatch(benchmark::State& state) {
  constexpr std::size_t rows = 20'000;
  const std::array<etl_str, 1> wanted = {etl::detail::to_abi("fr")};
  std::array<etl_option, 2> given{};
  given[0].name = etl::detail::to_abi("codes");
  given[0].type = ETL_OPTION_LIST;
  given[0].given = 1;
  given[0].value.list = {wanted.data(), wanted.size()};
  given[1].name = etl::detail::to_abi("column");
  given[1].type = ETL_OPTION_STRING;
  given[1].value.s = etl::detail::to_abi("domain_code");
  const LanguageFilter filter{etl::Options(given), micro::context()};
  for (auto _ : state) {
    state.PauseTiming();
    etl::Batch batch = micro::batch(rows);
    state.ResumeTiming();
    benchmark::DoNotOptimize(filter.apply(std::move(batch)).rows());
  }
  micro::count_rows(state, rows);
}
BENCHMARK(FilterBatch);

}  // namespace
