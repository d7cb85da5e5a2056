/// \file
/// The command line of `etl`, parsed.
#pragma once

#include "core/runtime/log.hpp"
#include "core/runtime/progress.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace etl::app {

enum class Verb { run, plan, validate, preview, plugins, describe, rejects };
enum class Format { text, json, markdown };

struct Arguments {
  Verb verb = Verb::run;
  std::vector<std::filesystem::path> files;
  std::vector<std::string> set;
  std::vector<std::filesystem::path> plugin_dirs;
  Format format = Format::text;
  runtime::LogLevel log_level = runtime::LogLevel::info;
  runtime::LogFormat log_format = runtime::LogFormat::text;

  // run and plan
  std::vector<std::string> only;
  std::optional<std::int64_t> limit;
  bool reload = false;
  runtime::ProgressMode progress = runtime::ProgressMode::off;
  std::vector<std::string> faults;
  std::filesystem::path report;  ///< empty = none

  // preview
  std::string stage;  ///< empty = what the first sink receives
  std::int64_t rows = 10;

  // rejects; also `only` and `limit`
  std::string reason;              ///< empty = any
  std::filesystem::path pipeline;  ///< empty = none
  bool replay = false;

  // describe
  std::string name;
};

/// Parses the command line. Prints help or what is wrong; `exit_code` then says how to end.
struct ParseResult {
  std::optional<Arguments> arguments;
  int exit_code = 0;
};
ParseResult parse_arguments(int argc, char** argv);

}  // namespace etl::app
