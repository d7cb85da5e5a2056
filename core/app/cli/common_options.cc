#include "core/app/cli/common_options.hpp"

#include "core/runtime/base/terminal.hpp"
#include "core/runtime/config/document.hpp"

#include <unistd.h>

#include <variant>

namespace etl::app {

using runtime::LogFormat;
using runtime::LogLevel;
using runtime::ProgressMode;

void CommonOptions::declare(Options& options) {
  options
      .value("--plugin-dir", plugin_dirs,
             "Folder to search for plugins before $ETL_PLUGIN_PATH and the installed ones "
             "(repeatable)")
      .type = "DIR";
  options.choice<LogLevel>("--log-level", log_level,
                           {{"debug", LogLevel::debug},
                            {"info", LogLevel::info},
                            {"warn", LogLevel::warn},
                            {"error", LogLevel::error},
                            {"off", LogLevel::off}},
                           "Least severe messages to log on stderr");
  options.choice<LogFormat>("--log-format", log_format,
                            {{"text", LogFormat::text}, {"json", LogFormat::json}},
                            "Format of the log");
}

void CommonOptions::declare_format(Options& options,
                                   const std::vector<std::pair<std::string, Format>>& further) {
  std::vector<std::pair<std::string, Format>> formats = {{"text", Format::text},
                                                         {"json", Format::json}};
  formats.insert(formats.end(), further.begin(), further.end());
  options.choice<Format>("--format", format, formats, "Format of the result on stdout");
}

void CommonOptions::declare_set(Options& options) {
  options.value(
      "--set", set,
      "STAGE.OPTION=VALUE, run.OPTION=VALUE, name=VALUE or description=VALUE: override the "
      "pipeline file (repeatable)");
}

void CommonOptions::declare_now(Options& options) {
  options
      .value("--now", now, "Time that relative times refer to (2024-01-31T00:00:00Z); default: now")
      .check = [](const std::string& text) {
    const auto value = runtime::parse_value(text, {});
    const bool valid = value && std::holds_alternative<runtime::DateTime>(*value);
    return valid ? "" : "is not a valid time: write it as 2024-01-31T00:00:00Z";
  };
}

void CommonOptions::declare_workers(Options& options) {
  options.number("--workers", workers, {0, 1024}, "Partitions read at once; 0 = one per core");
  options.word("--executor", executor, {"threads", "processes"}, "How workers run");
}

std::vector<std::string> CommonOptions::overrides() const {
  std::vector<std::string> all = set;
  if (workers) all.push_back("run.workers=" + std::to_string(*workers));
  if (!executor.empty()) all.push_back("run.executor=" + executor);
  return all;
}

void SelectionOptions::declare(Options& options) {
  options.value("--only", only, "Only partitions whose id matches this glob (repeatable)");
  options.number("--limit", limit, partition_range, "Only the first N partitions of the plan");
}

void ProgressOption::declare(Options& options) {
  options.choice<std::optional<ProgressMode>>("--progress", mode,
                                              {{"auto", std::nullopt},
                                               {"bar", ProgressMode::bar},
                                               {"plain", ProgressMode::plain},
                                               {"json", ProgressMode::json},
                                               {"off", ProgressMode::off}},
                                              "Progress on stderr");
}

ProgressMode ProgressOption::resolve(const runtime::Log& log) const {
  if (mode) return *mode;
  if (log.json()) return ProgressMode::json;
  return runtime::on_terminal(STDERR_FILENO) ? ProgressMode::bar : ProgressMode::plain;
}

void declare_pipeline_file(Options& options, std::filesystem::path& file) {
  options.value("FILE", file, "Pipeline file (TOML)").required = true;
}

}  // namespace etl::app
