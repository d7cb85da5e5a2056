#include "core/app/cli/verb.hpp"
#include "core/app/inspect/machine.hpp"
#include "core/app/inspect/pipeline_check.hpp"
#include "core/app/inspect/plugin_examination.hpp"
#include "core/runtime/base/environment.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/utf8.hpp"

#include <etl/abi.h>
#include <etl/testing/conformance/child_process.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pwd.h>
#include <sys/stat.h>

#include <chrono>
#include <set>

namespace etl::app {
namespace {

namespace fs = std::filesystem;
using conformance::ChildEnd;
using nlohmann::ordered_json;

/// Time limit for checking a pipeline: a target on a server may answer late or never.
constexpr std::chrono::minutes pipeline_time_limit{3};

#if defined(__clang__)
constexpr const char* compiler = "clang " __clang_version__;
#else
constexpr const char* compiler = "g++ " __VERSION__;
#endif

std::string text_of(const ordered_json& object, const char* key) {
  return object[key].get<std::string>();
}

std::string first_error(const ordered_json& check) {
  for (const ordered_json& finding : check["diagnostics"]) {
    if (finding["severity"] == "error") return finding["message"];
  }
  return check["text"];
}

/// Examines the installation and collects a report with its problems.
class Doctor {
 public:
  Doctor(const Session& session, const std::vector<fs::path>& files)
      : session_(session), files_(files) {}

  void examine_all() {
    const fs::path executable = runtime::executable_path();
    report_["etl"] = {{"version", ETL_VERSION},
                      {"plugin_abi", fmt::format("{}.{}", ETL_ABI_MAJOR, ETL_ABI_MINOR)},
                      {"built_with", compiler},
                      {"executable", executable.string()}};
    report_["machine"] = machine_json();
    for (const std::string& problem : machine_problems(report_["machine"])) warn(problem);
    report_["environment"] = environment_json();
    for (auto& [name, value] : report_["environment"].items())
      value = session_.conceal(value.get<std::string>());
    report_["places"] = ordered_json::array();
    report_["plugins"] = ordered_json::array();
    report_["pipelines"] = ordered_json::array();
    for (const runtime::SearchPath::Directory& place : search_path(executable).directories)
      examine(place);
    if (stages_.empty())
      refuse("no usable plugin was found: install one, or give its folder with --plugin-dir");
    for (const fs::path& file : files_) examine_pipeline(file);
    report_["problems"] = problems_;
    report_["ok"] = problems_.empty();
  }

  [[nodiscard]] const ordered_json& report() const { return report_; }
  [[nodiscard]] int exit_code() const { return exit_code_; }

 private:
  /// Records a plugin or pipeline file that a run would refuse.
  void refuse(const std::string& problem) {
    problems_.push_back(problem);
    exit_code_ = exit_config;
  }
  /// Records a problem that may be temporary or harmless.
  void warn(const std::string& problem) {
    problems_.push_back(problem);
    if (exit_code_ == exit_ok) exit_code_ = exit_failed;
  }

  /// The folders to search; without --plugin-dir and $ETL_PLUGIN_PATH if one of them is invalid.
  runtime::SearchPath search_path(const fs::path& executable) {
    const auto given = runtime::environment_variable("ETL_PLUGIN_PATH").value_or("");
    try {
      return runtime::SearchPath::from(session_.options.plugin_dirs, given, executable);
    } catch (const Error& error) {
      refuse(error.message());
      return runtime::SearchPath::from({}, "", executable);
    }
  }

  void examine(const runtime::SearchPath::Directory& place) {
    ordered_json found = {{"folder", place.path.string()},
                          {"found_by", place.origin},
                          {"exists", false},
                          {"owner", nullptr},
                          {"mode", nullptr},
                          {"libraries", 0},
                          {"refused", nullptr}};
    struct stat info {};
    if (::stat(place.path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
      const passwd* owner = ::getpwuid(info.st_uid);  // NOLINT(concurrency-mt-unsafe)
      found["exists"] = true;
      found["owner"] = owner == nullptr ? std::to_string(info.st_uid) : owner->pw_name;
      found["mode"] = fmt::format("{:04o}", info.st_mode & 07777U);
      found["libraries"] = examine_libraries(place, found["refused"]);
    } else if (place.origin != "beside the executable") {
      warn(fmt::format("{}: no such folder ({})", place.path.string(), place.origin));
    }
    report_["places"].push_back(std::move(found));
  }

  /// Returns how many libraries the folder has.
  std::size_t examine_libraries(const runtime::SearchPath::Directory& place,
                                ordered_json& refused) {
    std::vector<fs::path> files;
    try {
      runtime::require_private(place.path);
      files = runtime::libraries_in(place.path);
    } catch (const Error& error) {
      refused = error.message();
      refuse(error.message());
      return 0;
    }
    for (const fs::path& file : files) examine_plugin_file(file, place.origin);
    return files.size();
  }

  void examine_plugin_file(const fs::path& file, const std::string& origin) {
    // A library that is found in two ways is examined once.
    std::error_code broken_link;
    const fs::path real = fs::canonical(file, broken_link);
    if (!broken_link && !seen_.insert(real).second) return;
    ordered_json plugin = examine_plugin(file, session_.cancellation);
    if (!plugin["ok"].get<bool>()) refuse(plugin["refused"]);
    const ordered_json stages = std::exchange(plugin["stages"], ordered_json::array());
    for (const ordered_json& stage : stages) {
      for (const char* key : {"plugin", "version", "built_with", "abi_minor"})
        plugin[key] = stage[key];
      const std::string name = stage["name"];
      plugin["stages"].push_back({{"name", name}, {"kind", stage["kind"]}});
      const auto [first, fresh] = stages_.try_emplace(name, real, origin);
      if (!fresh)
        refuse(runtime::duplicate_stage(name, first->second.first, first->second.second, real,
                                        origin));
    }
    report_["plugins"].push_back(std::move(plugin));
  }

  /// Uses a child process as well: opening a pipeline runs code of its plugins.
  void examine_pipeline(const fs::path& file) {
    const ChildEnd end = conformance::run_in_child(
        [&](const conformance::Say& say) {
          say(check_pipeline(session_, session_.registry(), file)
                  .dump(-1, ' ', false, ordered_json::error_handler_t::replace));
        },
        pipeline_time_limit, [this] { return session_.cancellation.requested(); });
    if (end.how == ChildEnd::How::stopped) throw Error::cancelled();
    ordered_json answer = end.how == ChildEnd::How::returned
                              ? ordered_json::parse(end.answer, nullptr, false)
                              : ordered_json();
    if (!answer.is_object()) {
      const std::string why =
          end.how == ChildEnd::How::threw
              ? end.error
              : fmt::format("checking it {}; examine the plugins that it names", end.text());
      answer = {{"file", file.string()},
                {"valid", false},
                {"diagnostics", ordered_json::array()},
                {"targets", ordered_json::array()},
                {"text", why}};
    }
    if (!answer["valid"].get<bool>()) refuse(file.string() + ": not valid: " + first_error(answer));
    for (const ordered_json& target : answer["targets"]) {
      if (target["reachable"].get<bool>()) continue;
      warn(fmt::format("{}: the target of sink \"{}\" cannot be reached: {}", file.string(),
                       text_of(target, "sink"), text_of(target, "error")));
    }
    report_["pipelines"].push_back(std::move(answer));
  }

  const Session& session_;
  const std::vector<fs::path>& files_;
  ordered_json report_;
  ordered_json problems_ = ordered_json::array();
  int exit_code_ = exit_ok;
  std::set<fs::path> seen_;
  std::map<std::string, std::pair<fs::path, std::string>> stages_;  ///< file and its origin
};

// ---- as text -----------------------------------------------------------------------------------

std::string places_text(const ordered_json& places) {
  std::vector<std::vector<std::string>> table;
  for (const ordered_json& place : places) {
    std::string found = "no such folder";
    if (!place["refused"].is_null()) {
      found = "refused";
    } else if (place["exists"].get<bool>()) {
      found = fmt::format("libraries: {}", place["libraries"].get<int>());
    }
    if (place["exists"].get<bool>())
      found += fmt::format(", of {}, mode {}", text_of(place, "owner"), text_of(place, "mode"));
    table.push_back({"  " + text_of(place, "folder"), place["found_by"], found});
  }
  return "\nplaces searched for plugins\n" + runtime::aligned(table);
}

std::string plugin_text(const ordered_json& plugin) {
  const std::string file = runtime::printable(text_of(plugin, "file"));
  if (!plugin["ok"].get<bool>())
    return fmt::format("  refused {}\n", runtime::printable(text_of(plugin, "refused")));
  std::vector<std::string> stages, libraries;
  for (const ordered_json& stage : plugin["stages"]) {
    stages.push_back(fmt::format("{} {}", text_of(stage, "kind"), text_of(stage, "name")));
  }
  for (const ordered_json& library : plugin["libraries"]) {
    if (library["used_by_etl"].get<bool>()) continue;
    libraries.push_back(fs::path(text_of(library, "file")).filename().string());
  }
  std::string text =
      fmt::format("  ok {}\n     {} {}, {}, needs ABI {}.{}: {}\n", file, text_of(plugin, "plugin"),
                  text_of(plugin, "version"), text_of(plugin, "built_with"), ETL_ABI_MAJOR,
                  plugin["abi_minor"].get<int>(), fmt::join(stages, ", "));
  if (!libraries.empty()) text += fmt::format("     uses {}\n", fmt::join(libraries, ", "));
  return text;
}

std::string environment_text(const ordered_json& environment) {
  std::vector<std::vector<std::string>> table;
  for (const auto& [name, value] : environment.items())
    table.push_back({"  " + name, value.get<std::string>()});
  return "\nenvironment\n" +
         (table.empty() ? "  no relevant variables\n" : runtime::aligned(table));
}

std::string pipeline_text(const ordered_json& pipeline) {
  std::string text =
      fmt::format("  {} {}\n{}", pipeline["valid"].get<bool>() ? "ok" : "refused",
                  runtime::printable(text_of(pipeline, "file")), text_of(pipeline, "text"));
  for (const ordered_json& target : pipeline["targets"]) {
    text += fmt::format("     sink {}: {} {}\n", text_of(target, "sink"),
                        runtime::printable(text_of(target, "target")),
                        target["reachable"].get<bool>() ? "is reachable" : "cannot be reached");
  }
  return text;
}

std::string doctor_text(const ordered_json& report) {
  const ordered_json& etl = report["etl"];
  std::string text = fmt::format("etl {}, plugin ABI {}, built with {}\n{}\n",
                                 text_of(etl, "version"), text_of(etl, "plugin_abi"),
                                 text_of(etl, "built_with"), text_of(etl, "executable"));
  text += places_text(report["places"]);
  text += "\nplugins\n";
  for (const ordered_json& plugin : report["plugins"]) text += plugin_text(plugin);
  text += environment_text(report["environment"]);
  text += "\nmachine\n" + runtime::aligned(machine_table(report["machine"]));
  if (!report["pipelines"].empty()) text += "\npipelines\n";
  for (const ordered_json& pipeline : report["pipelines"]) text += pipeline_text(pipeline);
  const ordered_json& problems = report["problems"];
  text += problems.empty() ? "\nno problems\n" : fmt::format("\nproblems: {}\n", problems.size());
  for (const ordered_json& problem : problems)
    text += fmt::format("  - {}\n", runtime::printable(problem.get<std::string>()));
  return text;
}

class DoctorVerb : public Verb {
 public:
  DoctorVerb() : Verb("doctor", "Examine the installation: plugins, search path and machine") {}

  void declare(Options& options) override {
    options.value("FILE", files_,
                  "Pipeline files (TOML) to check as well, including whether their targets can be "
                  "reached");
    common.declare_set(options);
    common.declare_format(options);
  }

  int run(const Session& session) override {
    Doctor doctor(session, files_);
    doctor.examine_all();
    if (session.json()) print_json(doctor.report());
    else print(doctor_text(doctor.report()));
    return doctor.exit_code();
  }

 private:
  std::vector<fs::path> files_;
};

}  // namespace

std::unique_ptr<Verb> doctor_verb() { return std::make_unique<DoctorVerb>(); }

}  // namespace etl::app
