/// \file
/// The table [run] of a pipeline file.
#pragma once

#include "core/runtime/config/diagnostics.hpp"
#include "core/runtime/config/document.hpp"
#include "core/runtime/config/reject_path.hpp"

#include <etl/abi.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace etl::runtime {

enum class OnFailure { continue_, stop };
enum class Executor { threads, processes };

/// The settings of a run, with the defaults of run_options().
struct RunSettings {
  std::int64_t workers = 0;  ///< 0 = one per core
  Executor executor = Executor::threads;
  std::int64_t retries = 5;  ///< per partition, for transient errors
  std::chrono::milliseconds retry_delay{500};
  OnFailure on_failure = OnFailure::continue_;
  std::int64_t memory_limit = std::int64_t{512} << 20;  ///< bytes in flight across the whole run
  std::int64_t max_rejects = 1000;  ///< per partition; more fails it before it commits
  /// For one attempt at a partition, not counting time spent waiting for others; 0 = no limit.
  std::chrono::milliseconds partition_timeout{0};
  bool pushdown = true;               ///< offer a filter's predicate to the source before it
  std::optional<RejectPath> rejects;  ///< where rejected rows are kept; none = only count them
  Position rejects_position;
};

/// The options of [run], declared like those of a stage.
[[nodiscard]] std::span<const etl_option_spec> run_options();
[[nodiscard]] bool is_run_key(std::string_view key);
/// A hint for a key of the top of the file that stands in a table; empty for any other key.
[[nodiscard]] std::string belongs_at_top(std::string_view key);

/// Reads [run]. Reports mistakes and then returns the defaults. `folder` is the absolute path that
/// relative paths are relative to.
[[nodiscard]] RunSettings read_run_settings(const RawTable& run, const Position& position,
                                            const std::filesystem::path& folder,
                                            Diagnostics& diagnostics);

}  // namespace etl::runtime
