/// \file
/// A host and rows for measuring a single stage.
#pragma once

#include <etl/builder.hpp>
#include <etl/context.hpp>
#include <etl/partition.hpp>

#include <benchmark/benchmark.h>

#include <string>

namespace micro {

/// Logs nothing and never cancels.
inline etl::Context context() {
  static constexpr etl_host host = {sizeof(etl_host),
                                    ETL_ABI_MINOR,
                                    nullptr,
                                    [](void*, std::uint32_t, etl_str) {},
                                    [](void*) { return 0; },
                                    [](void*, const char*) -> const void* { return nullptr; },
                                    [](void*, std::int64_t) {},
                                    [](void*) {}};
  return etl::Context(&host);
}

inline etl_task task_table() {
  return {sizeof(etl_task),
          nullptr,
          [](void*, std::uint32_t, std::int64_t) {},
          [](void*, const etl_reject*) {},
          [](void*) { return 0; },
          [](void*, const etl_error*) {}};
}
inline etl::Task task() {
  static const etl_task table = task_table();
  return etl::Task(&table);
}

/// The columns of the source, in its order.
inline etl::Schema schema() {
  return {{"hour", etl::Type::timestamp_s, false},
          {"domain_code", etl::Type::utf8, false},
          {"title", etl::Type::utf8, false},
          {"views", etl::Type::int64, false}};
}

inline etl::Batch batch(std::size_t rows) {
  etl::BatchBuilder builder(schema());
  for (std::size_t row = 0; row < rows; ++row) {
    builder.row(std::int64_t{1'472'328'000}, row * 4 < rows ? "fr" : "fr.m",
                "Ville_de_" + std::to_string(row * 7919 % 100'000),
                static_cast<std::int64_t>(row % 9));
  }
  return builder.finish();
}

/// Rows per second, as a counter of the benchmark.
inline void count_rows(benchmark::State& state, std::size_t rows_an_iteration) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows_an_iteration));
}

}  // namespace micro
