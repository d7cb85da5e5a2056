/// \file
/// Options that several verbs have, each declared once.
#pragma once

#include "core/app/cli/options.hpp"
#include "core/runtime/base/log.hpp"
#include "core/runtime/schedule/progress.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace etl::app {

enum class Format { text, json, markdown, mermaid, dot };
/// Options of the session. Every verb has --plugin-dir and those of the log, and declares the
/// others that it has.
struct CommonOptions {
  std::vector<std::filesystem::path> plugin_dirs;
  runtime::LogLevel log_level = runtime::LogLevel::info;
  runtime::LogFormat log_format = runtime::LogFormat::text;
  Format format = Format::text;
  std::vector<std::string> set;
  std::string now;  ///< what relative times refer to, a TOML date-time; empty = the current time
  std::optional<std::int64_t> workers;
  std::string executor;  ///< empty = as the file says

  void declare(Options& options);  ///< those of every verb
  /// `further`: formats beside text and json.
  void declare_format(Options& options,
                      const std::vector<std::pair<std::string, Format>>& further = {});
  void declare_set(Options& options);
  void declare_now(Options& options);
  void declare_workers(Options& options);

  /// --set, then --workers and --executor as "run.KEY=VALUE".
  [[nodiscard]] std::vector<std::string> overrides() const;
};

/// Which partitions of the plan.
struct SelectionOptions {
  std::vector<std::string> only;
  std::optional<std::int64_t> limit;

  void declare(Options& options);
};

struct ProgressOption {
  std::optional<runtime::ProgressMode> mode;  ///< nothing = auto

  void declare(Options& options);
  /// Resolves `auto`: bars on a terminal that understands cursor movement, JSON beside JSON logs,
  /// else plain lines.
  [[nodiscard]] runtime::ProgressMode resolve(const runtime::Log& log) const;
};

inline constexpr Range partition_range{0, 1'000'000'000};

inline constexpr const char* junit_help = "Also write the results to this file as JUnit XML";
inline constexpr const char* reload_help = "Load done partitions again, replacing their rows";

void declare_pipeline_file(Options& options, std::filesystem::path& file);

}  // namespace etl::app
