/// \file
/// The command line of `etl`, parsed.
#pragma once

#include "core/runtime/base/log.hpp"
#include "core/runtime/schedule/progress.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace etl::app {

enum class Verb {
  run,
  submit,
  status,
  plan,
  merge,
  state,
  validate,
  preview,
  graph,
  plugins,
  describe,
  check,
  doctor,
  schema,
  test,
  new_plugin,
  new_pipeline,
  rejects
};
enum class Format { text, json, markdown, mermaid, dot };

struct Arguments {
  Verb verb = Verb::run;
  std::vector<std::filesystem::path> files;
  std::vector<std::string> set;
  std::vector<std::filesystem::path> plugin_dirs;
  Format format = Format::text;
  runtime::LogLevel log_level = runtime::LogLevel::info;
  runtime::LogFormat log_format = runtime::LogFormat::text;

  // run, submit, status and plan
  std::string now;  ///< what relative times refer to; empty = this moment

  // run and plan
  std::vector<std::string> only;
  std::optional<std::int64_t> limit;
  bool reload = false;
  runtime::ProgressMode progress = runtime::ProgressMode::off;
  std::vector<std::string> faults;
  std::filesystem::path report;  ///< empty = none
  std::string task;              ///< empty = the whole plan
  std::int64_t task_offset = 0;

  // submit
  std::string engine;
  std::optional<std::int64_t> tasks;          ///< nothing = as the work needs
  std::optional<std::int64_t> tasks_at_once;  ///< nothing = as the pipeline's limits allow
  std::filesystem::path job_dir;              ///< empty = one made below the working folder
  std::string image;
  bool wait = false;
  bool dry_run = false;

  // status
  bool watch = false;

  // merge; also `sink`
  std::filesystem::path into;  ///< empty = beside the tasks' own

  // state
  std::string action;  ///< "forget"
  std::string glob;
  std::string source;  ///< empty = every source
  std::string sink;    ///< empty = every sink that keeps a ledger
  bool delete_rows = false;

  // preview
  std::string stage;  ///< empty = what the first sink receives
  std::int64_t rows = 10;

  // rejects; also `only` and `limit`
  std::string reason;              ///< empty = any
  std::filesystem::path pipeline;  ///< empty = none
  bool replay = false;

  // check and test; also `only`
  std::filesystem::path junit;  ///< empty = none

  // check; also `stage`
  std::filesystem::path check_file;  ///< empty = none
  std::int64_t check_seconds = 60;   ///< for one check
  bool list_checks = false;

  // describe and new
  std::string name;

  // new
  std::string kind;
  std::filesystem::path folder;  ///< empty = the default
  std::vector<std::string> stages;
};

/// Parses the command line. Prints help or what is wrong; `exit_code` then says how to end.
struct ParseResult {
  std::optional<Arguments> arguments;
  int exit_code = 0;
};
ParseResult parse_arguments(int argc, char** argv);

}  // namespace etl::app
