#include "core/app/cli/arguments.hpp"

#include "core/app/cli/command_line_json.hpp"
#include "core/app/cli/exit_codes.hpp"
#include "core/app/cli/moment.hpp"
#include "core/app/cli/task_share.hpp"
#include "core/runtime/attempt/faults.hpp"
#include "core/runtime/base/environment.hpp"
#include "core/runtime/base/suggest.hpp"

#include <etl/error.hpp>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>

namespace etl::app {
namespace {

using runtime::LogFormat;
using runtime::LogLevel;
using runtime::ProgressMode;

constexpr std::int64_t most_workers = 1024;
constexpr std::int64_t most_partitions = 1'000'000'000;
/// Alone: prints what man pages and completions are made from. No user needs it, so no help shows
/// it.
constexpr const char* command_line_flag = "--command-line";

struct Words {
  std::string format = "text";
  std::string log_level = "info";
  std::string log_format = "text";
  std::string progress = "auto";
  std::optional<std::int64_t> workers;
  std::string executor;
  std::filesystem::path file;
};

template <class Value>
Value meaning(const std::map<std::string, Value>& words, const std::string& word) {
  return words.at(word);
}

/// What is wrong with a --fault; empty when it is one.
std::string is_fault(const std::string& text) {
  try {
    const runtime::FaultPlan plan({text});
    return {};
  } catch (const Error& error) {
    return error.message();
  }
}

/// Bars need a terminal that understands cursor movement, and someone who wants them.
ProgressMode automatic_progress(bool json_logs) {
  if (json_logs) return ProgressMode::json;
  const bool dumb = runtime::environment_variable("TERM").value_or("dumb") == "dumb";
  return ::isatty(STDERR_FILENO) == 1 && !dumb ? ProgressMode::bar : ProgressMode::plain;
}

class CommandLine {
 public:
  CommandLine() {
    app_.set_version_flag("--version", "etl " ETL_VERSION);
    app_.require_subcommand(1);
    app_.footer(
        "etl VERB --help explains each verb. Exit codes: 0 done, 1 some partitions failed, 64 "
        "wrong\n"
        "command line, 70 internal error, 78 bad pipeline file or plugin, 130/143 stopped by a "
        "signal.");
    add_run();
    add_submit();
    add_status();
    add_plan();
    add_merge();
    add_state();
    add_validate();
    add_preview();
    add_graph();
    add_plugins();
    add_describe();
    add_check();
    add_doctor();
    add_schema();
    add_test();
    add_new();
    add_rejects();
  }

  ParseResult parse(int argc, char** argv) {
    if (argc == 2 && std::string(argv[1]) == command_line_flag) {
      std::puts(command_line_json(app_).dump(2).c_str());
      return {std::nullopt, exit_ok};
    }
    if (argc > 1 && !known_verb(argv[1])) return {std::nullopt, exit_usage};
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      // Help and version are "errors" too, of code 0.
      return {std::nullopt, app_.exit(error) == 0 ? exit_ok : exit_usage};
    }
    finish();
    return {arguments_, exit_ok};
  }

 private:
  /// A wrong verb is told from a missing one, which is all that the parser would say.
  bool known_verb(const std::string& word) {
    if (word.starts_with("-")) return true;
    std::vector<std::string> verbs;
    for (const CLI::App* sub : app_.get_subcommands({})) verbs.push_back(sub->get_name());
    if (std::find(verbs.begin(), verbs.end(), word) != verbs.end()) return true;
    std::fprintf(stderr, "etl: there is no verb \"%s\"; %s\n", word.c_str(),
                 runtime::did_you_mean(word, verbs).c_str());
    return false;
  }
  CLI::App* verb(const char* name, const char* help, Verb verb) {
    return this->verb(&app_, name, help, verb);
  }
  CLI::App* verb(CLI::App* parent, const char* name, const char* help, Verb verb) {
    CLI::App* sub = parent->add_subcommand(name, help);
    sub->callback([this, verb] { arguments_.verb = verb; });
    sub->add_option("--plugin-dir", arguments_.plugin_dirs,
                    "Folder to look for plugins in, before $ETL_PLUGIN_PATH and the installed ones "
                    "(repeatable)")
        ->type_name("DIR")
        ->allow_extra_args(false);
    sub->add_option("--log-level", words_.log_level, "What to log on stderr")
        ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}))
        ->capture_default_str();
    sub->add_option("--log-format", words_.log_format, "How to log")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    return sub;
  }
  void add_format(CLI::App* sub, const std::vector<std::string>& formats = {"text", "json"}) {
    sub->add_option("--format", words_.format, "Form of the result on stdout")
        ->check(CLI::IsMember(formats))
        ->capture_default_str();
  }
  void add_file(CLI::App* sub) {
    sub->add_option("FILE", arguments_.files, "Pipeline file (TOML)")->required()->expected(1);
  }
  void add_set(CLI::App* sub) {
    sub->add_option("--set", arguments_.set,
                    "STAGE.OPTION=VALUE: overrides the file, also run.KEY=VALUE (repeatable)")
        ->allow_extra_args(false);
  }
  void add_selection(CLI::App* sub) {
    sub->add_option("--only", arguments_.only,
                    "Only partitions whose id matches this glob (repeatable)")
        ->allow_extra_args(false);
    sub->add_option("--limit", arguments_.limit, "Only the first N partitions of the plan")
        ->check(CLI::Range(std::int64_t{0}, most_partitions));
  }
  void add_now(CLI::App* sub) {
    sub->add_option("--now", arguments_.now,
                    "The moment that relative times refer to (2024-01-31T00:00:00Z); default: this")
        ->check(is_moment);
  }
  void add_workers(CLI::App* sub) {
    sub->add_option("--workers", words_.workers, "Partitions read at once; 0 = one per core")
        ->check(CLI::Range(std::int64_t{0}, most_workers));
    sub->add_option("--executor", words_.executor, "How workers run")
        ->check(CLI::IsMember({"threads", "processes"}));
  }
  void add_progress(CLI::App* sub) {
    sub->add_option("--progress", words_.progress, "Progress on stderr")
        ->check(CLI::IsMember({"auto", "bar", "plain", "json", "off"}))
        ->capture_default_str();
  }

  void add_run() {
    CLI::App* sub = verb("run", "Run a pipeline", Verb::run);
    add_file(sub);
    add_set(sub);
    add_selection(sub);
    add_format(sub);
    add_workers(sub);
    add_now(sub);
    sub->add_option("--task", arguments_.task,
                    "I/N: only the I-th (from 0) of N shares of the plan; auto or auto/N: as the "
                    "engine says\nin the environment. Exit code 75: worth trying again")
        ->check(is_task);
    sub->add_option("--task-offset", arguments_.task_offset,
                    "Added to the number of the task, for arrays cut in pieces")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{1'000'000}));
    sub->add_flag("--reload", arguments_.reload,
                  "Load partitions again that are done, replacing their rows");
    add_progress(sub);
    sub->add_option("--fault", arguments_.faults,
                    "POINT[@N]=kill|error|delay:TIME: fails on purpose at the N-th (default 1, * = "
                    "every) time\nthe run passes source.open, source.opened, source.batch, "
                    "sink.commit or sink.committed (repeatable)")
        ->check(is_fault)
        ->allow_extra_args(false);
    sub->add_option("--report", arguments_.report, "Also write the summary to this file, as JSON")
        ->type_name("FILE");
  }
  void add_submit() {
    CLI::App* sub = verb("submit", "Run a pipeline on a cluster's own engine", Verb::submit);
    add_file(sub);
    sub->add_option("--engine", arguments_.engine,
                    "slurm: submits a job array. kubernetes, parallel: writes what to start")
        ->required()
        ->check(CLI::IsMember({"slurm", "kubernetes", "parallel"}));
    add_set(sub);
    add_selection(sub);
    add_format(sub);
    add_workers(sub);
    add_now(sub);
    sub->add_option("--tasks", arguments_.tasks,
                    "Shares to cut the plan into; default: so that each takes some ten seconds")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}));
    sub->add_option(
           "--tasks-at-once", arguments_.tasks_at_once,
           "How many tasks may run at once; default: what `connections` allows, 16 at most")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{100'000}));
    sub->add_option(
        "--job-dir", arguments_.job_dir,
        "Folder for script, logs and reports, seen by all nodes; default: below etl-jobs");
    sub->add_option("--image", arguments_.image, "Container image with etl (kubernetes)");
    sub->add_flag("--wait", arguments_.wait,
                  "Follow the job to its end: progress, summary and exit code of a run (slurm, "
                  "parallel)");
    sub->add_flag("--reload", arguments_.reload,
                  "Load partitions again that are done, replacing their rows");
    sub->add_flag("--dry-run", arguments_.dry_run, "Print the script; write and submit nothing");
    add_progress(sub);
    sub->add_option("--report", arguments_.report,
                    "With --wait, also write the summary to this file, as JSON");
  }
  void add_status() {
    CLI::App* sub = verb("status", "Show how far the whole is, whoever runs it", Verb::status);
    add_file(sub);
    add_set(sub);
    add_selection(sub);
    add_format(sub);
    add_now(sub);
    sub->add_flag("--watch", arguments_.watch,
                  "Again every two seconds, until nothing is left to do");
  }
  void add_plan() {
    CLI::App* sub = verb("plan", "Show what a run would do; moves nothing", Verb::plan);
    add_file(sub);
    add_now(sub);
    add_set(sub);
    add_selection(sub);
    add_format(sub);
  }
  void add_merge() {
    CLI::App* sub = verb("merge",
                         "Unite the databases of tasks, which a sink with {task} in its path "
                         "makes; again to go on",
                         Verb::merge);
    add_file(sub);
    sub->add_option("--into", arguments_.into,
                    "Path of the database to make or to add to; default: the sink's path, with "
                    "\"all\" for {task}");
    sub->add_option("--sink", arguments_.sink, "Only this sink; default: all with {task}");
    add_set(sub);
    add_now(sub);
    add_format(sub);
  }
  void add_state() {
    CLI::App* sub = verb("state",
                         "Forget partitions: remove their ledger records, so that the next run "
                         "loads them again",
                         Verb::state);
    // No list, which would take what follows for files, too.
    sub->add_option("FILE", words_.file, "Pipeline file (TOML)")->required();
    sub->add_option("ACTION", arguments_.action, "What to do: forget")
        ->required()
        ->check(CLI::IsMember({"forget"}));
    sub->add_option(
           "GLOB", arguments_.glob,
           "Which partitions, by id; also those that the plan no longer has. Rows that were "
           "loaded stay, unless --delete-rows")
        ->required();
    sub->add_option("--source", arguments_.source, "Only partitions of this source");
    sub->add_option("--sink", arguments_.sink,
                    "Only in the ledger of this sink; default: in all that keep one");
    sub->add_flag("--delete-rows", arguments_.delete_rows,
                  "Delete the partitions' rows as well; refused where they cannot be told from "
                  "others");
    add_set(sub);
    add_format(sub);
  }
  void add_validate() {
    CLI::App* sub =
        verb("validate", "Check pipeline files as a run does before it moves data", Verb::validate);
    sub->add_option("FILE", arguments_.files, "Pipeline files (TOML)")->required()->expected(1, -1);
    add_set(sub);
    add_format(sub);
  }
  void add_preview() {
    CLI::App* sub =
        verb("preview", "Show rows as they leave a stage; touches no sink", Verb::preview);
    add_file(sub);
    add_set(sub);
    add_format(sub);
    sub->add_option("--stage", arguments_.stage,
                    "The stage; default: what the first sink receives");
    sub->add_option("--rows", arguments_.rows, "How many rows")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}))
        ->capture_default_str();
  }
  void add_graph() {
    CLI::App* sub =
        verb("graph", "Show the stages and the columns that go from one to the next", Verb::graph);
    add_file(sub);
    add_set(sub);
    add_format(sub, {"text", "mermaid", "dot", "json"});
  }
  void add_plugins() {
    CLI::App* sub = verb("plugins", "List the installed stages", Verb::plugins);
    add_format(sub);
  }
  void add_describe() {
    CLI::App* sub = verb("describe", "Describe a stage: kind, options, columns", Verb::describe);
    sub->add_option("NAME", arguments_.name, "A stage's name, or a plugin file (FILE.so)")
        ->type_name("STAGE")
        ->required();
    add_format(sub, {"text", "json", "markdown"});
  }
  void add_check() {
    CLI::App* sub = verb(
        "check", "Check that the stages of a plugin keep the rules of the boundary", Verb::check);
    CLI::Option* file = sub->add_option("FILE", arguments_.files, "A plugin file (FILE.so)");
    file->expected(1);
    sub->add_option("--stage", arguments_.stage, "Only this stage; default: all of the plugin");
    sub->add_option(
           "--set", arguments_.set,
           "OPTION=VALUE or STAGE.OPTION=VALUE: an option of the stage; {scratch} in it is "
           "a fresh\nfolder, {id} a fresh word (repeatable)")
        ->allow_extra_args(false);
    sub->add_option("--with", arguments_.check_file,
                    "Check file (TOML): options, columns and commands for each stage")
        ->type_name("FILE");
    sub->add_option("--only", arguments_.only,
                    "Only checks whose name matches this glob (repeatable)")
        ->allow_extra_args(false);
    CLI::Option* list =
        sub->add_flag("--list", arguments_.list_checks, "List the checks; make none");
    sub->add_option("--timeout", arguments_.check_seconds, "Seconds that one check may take")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{86'400}))
        ->capture_default_str();
    sub->add_option("--junit", arguments_.junit,
                    "Also write the results to this file, as JUnit XML")
        ->type_name("FILE");
    add_format(sub);
    sub->parse_complete_callback([file, list] {
      if (file->count() == 0 && list->count() == 0) throw CLI::RequiredError("FILE");
    });
  }
  void add_doctor() {
    CLI::App* sub =
        verb("doctor", "Examine the installation: plugins, where they are looked for, the machine",
             Verb::doctor);
    sub->add_option(
           "FILE", arguments_.files,
           "Pipeline files (TOML) to check as well, and whether their targets are in reach")
        ->expected(0, -1);
    add_set(sub);
    add_format(sub);
  }
  void add_schema() {
    verb("schema", "Print the JSON Schema of pipeline files, for editors", Verb::schema);
  }
  void add_test() {
    CLI::App* sub = verb(
        "test", "Run the [[tests]] of pipeline files; touches no source and no sink", Verb::test);
    sub->add_option("FILE", arguments_.files, "Pipeline files (TOML)")->required()->expected(1, -1);
    sub->add_option("--only", arguments_.only,
                    "Only tests whose name matches this glob (repeatable)")
        ->allow_extra_args(false);
    sub->add_option("--junit", arguments_.junit,
                    "Also write the results to this file, as JUnit XML")
        ->type_name("FILE");
    add_set(sub);
    add_format(sub);
  }

  void add_new() {
    CLI::App* sub =
        app_.add_subcommand("new", "Write a plugin project or a pipeline to start from");
    sub->require_subcommand(1);
    CLI::App* plugin =
        verb(sub, "plugin", "Write a plugin that builds, with its test and a pipeline that uses it",
             Verb::new_plugin);
    add_format(plugin);
    plugin->add_option("NAME", arguments_.name, "The stage's name: a-z, 0-9 and _")->required();
    plugin->add_option("--kind", arguments_.kind, "What it is")
        ->check(CLI::IsMember({"source", "filter", "sink"}))
        ->required();
    plugin
        ->add_option("--dir", arguments_.folder,
                     "The project's folder, new or empty; default: NAME, here")
        ->type_name("DIR");
    CLI::App* pipeline =
        verb(sub, "pipeline", "Write a pipeline file with every option of some stages explained",
             Verb::new_pipeline);
    add_format(pipeline);
    pipeline->add_option("NAME", arguments_.name, "The pipeline's name; the file is NAME.toml")
        ->required();
    pipeline
        ->add_option("--stages", arguments_.stages,
                     "Names of installed stages, separated by commas")
        ->type_name("STAGE")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->required();
    pipeline->add_option("--dir", arguments_.folder, "Folder of the file; default: here")
        ->type_name("DIR");
  }

  void add_rejects() {
    CLI::App* sub =
        verb("rejects", "List rejected rows, or load them once they are repaired", Verb::rejects);
    sub->add_option("FILE", arguments_.files, "What run.rejects names: a file or a folder")
        ->required()
        ->expected(1);
    add_format(sub);
    sub->add_option("--reason", arguments_.reason, "Only those with this reason");
    sub->add_option("--partition", arguments_.only,
                    "Only those of partitions whose id matches this glob (repeatable)")
        ->allow_extra_args(false);
    sub->add_option("--limit", arguments_.limit, "Show only the first N")
        ->check(CLI::Range(std::int64_t{0}, most_partitions));
    CLI::Option* pipeline = sub->add_option("--pipeline", arguments_.pipeline,
                                            "The pipeline file (TOML) that they come from");
    sub->add_flag("--replay", arguments_.replay,
                  "Load the records that can be read by now, and take them out of FILE")
        ->needs(pipeline);
    add_set(sub);
  }

  void finish() {
    arguments_.format = meaning<Format>({{"text", Format::text},
                                         {"json", Format::json},
                                         {"markdown", Format::markdown},
                                         {"mermaid", Format::mermaid},
                                         {"dot", Format::dot}},
                                        words_.format);
    arguments_.log_level = meaning<LogLevel>({{"debug", LogLevel::debug},
                                              {"info", LogLevel::info},
                                              {"warn", LogLevel::warn},
                                              {"error", LogLevel::error},
                                              {"off", LogLevel::off}},
                                             words_.log_level);
    arguments_.log_format = meaning<LogFormat>(
        {{"text", LogFormat::text}, {"json", LogFormat::json}}, words_.log_format);
    arguments_.progress = words_.progress == "auto"
                              ? automatic_progress(arguments_.log_format == LogFormat::json)
                              : meaning<ProgressMode>({{"bar", ProgressMode::bar},
                                                       {"plain", ProgressMode::plain},
                                                       {"json", ProgressMode::json},
                                                       {"off", ProgressMode::off}},
                                                      words_.progress);
    if (!words_.file.empty()) arguments_.files = {words_.file};
    if (words_.workers) arguments_.set.push_back("run.workers=" + std::to_string(*words_.workers));
    if (!words_.executor.empty()) arguments_.set.push_back("run.executor=" + words_.executor);
  }

  CLI::App app_{"etl runs pipelines: sources, filters and sinks, each a plugin.", "etl"};
  Arguments arguments_;
  Words words_;
};

}  // namespace

ParseResult parse_arguments(int argc, char** argv) { return CommandLine().parse(argc, argv); }

}  // namespace etl::app
