/// \file
/// A host and rows for a stage that is measured alone.
#pragma once

#include <etl/builder.hpp>
#include <etl/context.hpp>
#include <etl/partition.hpp>

#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace micro {

/// Says nothing and never cancels.
inline etl::Context context() {
  static constexpr etl_host host = {sizeof(etl_host),
                                    ETL_ABI_MINOR,
                                    nullptr,
                                    [](void*, std::uint32_t, etl_str) {},
                                    [](void*) { return 0; },
                                    [](void*, const char*) -> const void* { return nullptr; },
                                    [](void*, std::int64_t) {}};
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

/// Rows a second, as a counter of the benchmark.
inline void count_rows(benchmark::State& state, std::size_t rows_an_iteration) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows_an_iteration));
}

/// A folder that goes with its object.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "etl_bench.XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp: " + pattern);
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace micro
