// `etl check`: runs the conformance kit over a plugin file. The plugin is loaded in child processes
// alone, because its code may crash, hang or exit.
#include "core/app/cli/verb.hpp"
#include "core/app/inspect/check_file.hpp"
#include "core/app/verbs/test_report.hpp"
#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/config/overrides.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/plugin/plugin_loader.hpp"

#include <etl/testing/conformance.hpp>
#include <etl/testing/conformance/child_process.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace etl::app {
namespace {

using conformance::Check;
using conformance::ChildEnd;
using conformance::Outcome;
using conformance::Subject;
using conformance::Verdict;
using Json = nlohmann::json;
namespace fs = std::filesystem;

std::string kinds_of(const Check& check) {
  if (check.kinds == conformance::all_kinds) return "any";
  if (check.kinds == conformance::sources) return "source";
  return check.kinds == conformance::filters ? "filter" : "sink";
}

int list_checks(const Session& session) {
  Json list = Json::array();
  std::vector<std::vector<std::string>> table = {{"check", "kind", "rule: the stage ..."}};
  for (const Check& check : conformance::all_checks()) {
    table.push_back({check.name, kinds_of(check), check.what});
    list.push_back({{"name", check.name}, {"kind", kinds_of(check)}, {"what", check.what}});
  }
  if (session.json()) print_json({{"checks", list}});
  else print(runtime::aligned(table));
  return exit_ok;
}

/// A stage of the plugin, as reported by a child process.
struct CheckedStage {
  std::size_t index = 0;  ///< in the plugin's table
  std::string name;
  std::uint32_t kind = 0;
  std::vector<std::string> options;
};

std::string text_or_empty(const char* text) { return text == nullptr ? "" : text; }

Json stages_of(const etl_plugin& plugin) {
  Json stages = Json::array();
  for (std::size_t i = 0; i < plugin.stage_count; ++i) {
    const etl_stage& stage = *plugin.stages[i];
    Json options = Json::array();
    for (std::size_t j = 0; j < stage.option_count; ++j) {
      options.push_back(detail::to_view(stage.options[j].name));
    }
    stages.push_back({{"name", text_or_empty(stage.name)},
                      {"kind", stage.kind},
                      {"options", std::move(options)}});
  }
  return stages;
}

class CheckVerb : public Verb {
 public:
  CheckVerb() : Verb("check", "Check that the stages of a plugin follow the plugin ABI") {}

  void declare(Options& options) override {
    options.value("FILE", file_, "A plugin file (FILE.so)");
    options.value("--stage", stage_, "Only this stage; default: all stages of the plugin");
    options.value("--set", set_,
                  "OPTION=VALUE or STAGE.OPTION=VALUE: set an option of the stage; in the value, "
                  "{scratch} is\na fresh folder and {id} a fresh word (repeatable)");
    options.value("--with", check_file_,
                  "Check file (TOML): options, columns and commands for each stage");
    options.value("--only", only_, "Only checks whose name matches this glob (repeatable)");
    options.flag("--list", list_, "List checks without running them");
    options.number("--timeout", seconds_, {1, 86'400}, "Time limit of one check in seconds");
    options.value("--junit", junit_, junit_help);
    common.declare_format(options);
  }

  std::string misuse() const override { return file_.empty() && !list_ ? "FILE is required" : ""; }

  int run(const Session& session) override {
    if (list_) return list_checks(session);
    session_ = &session;
    file_ = fs::absolute(file_);
    context_ = {fs::current_path(), std::chrono::time_point_cast<std::chrono::microseconds>(
                                        std::chrono::system_clock::now())};
    stages_ = load();
    const std::vector<CheckedStage> chosen = choose();
    const auto diagnostics = std::make_shared<runtime::Diagnostics>();
    read_setups(*diagnostics);
    apply_set(chosen, *diagnostics);
    if (diagnostics->failed()) throw InvalidPipeline(diagnostics);
    for (const CheckedStage& stage : chosen) check(stage);
    session.require_not_stopped();
    if (results_.empty()) throw Error::config("no check matches --only; see etl check --list");
    return report();
  }

 private:
  std::vector<CheckedStage> load() const {
    const ChildEnd end = conformance::run_in_child(
        [&](const conformance::Say& say) {
          say(stages_of(*runtime::load_plugin(file_).table).dump());
        },
        settings({}).limit, settings({}).stop);
    session_->require_not_stopped();
    if (end.how == ChildEnd::How::threw) throw Error::config(end.error);
    if (end.how != ChildEnd::How::returned) {
      throw Error::config(fmt::format("{}: loading it {}: check its static constructors\n{}",
                                      file_.string(), end.text(), end.output));
    }
    std::vector<CheckedStage> stages;
    for (const Json& stage : Json::parse(end.answer)) {
      stages.push_back({stages.size(), stage["name"], stage["kind"], stage["options"]});
    }
    return stages;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const CheckedStage& stage : stages_) all.push_back(stage.name);
    return all;
  }
  std::vector<CheckedStage> choose() const {
    if (stage_.empty()) return stages_;
    const auto found = std::ranges::find(stages_, stage_, &CheckedStage::name);
    if (found != stages_.end()) return {*found};
    throw Error::config(fmt::format("{} has no stage \"{}\"; {}", file_.string(), stage_,
                                    runtime::did_you_mean(stage_, names())));
  }

  void read_setups(runtime::Diagnostics& diagnostics) {
    if (check_file_.empty()) return;
    setups_ = read_check_file(check_file_, diagnostics);
    context_.folder = fs::absolute(check_file_).parent_path();
    for (const auto& [name, setup] : setups_) {
      if (std::ranges::find(stages_, name, &CheckedStage::name) != stages_.end()) continue;
      diagnostics.error(setup.position,
                        fmt::format("{} has no stage {}", file_.string(), runtime::in_quotes(name)),
                        runtime::did_you_mean(name, names()));
    }
  }

  /// Applies OPTION=VALUE to every stage that has the option, STAGE.OPTION=VALUE to one.
  void apply_set(const std::vector<CheckedStage>& chosen, runtime::Diagnostics& diagnostics) {
    for (const std::string& argument : set_) {
      const std::size_t equals = argument.find('=');
      const std::string key = argument.substr(0, equals);
      const runtime::Position position{fmt::format("--set {}", key)};
      if (equals == std::string::npos) {
        diagnostics.error({"--set"}, "has no \"=\"", "write OPTION=VALUE");
        continue;
      }
      const std::size_t dot = key.find('.');
      const std::string option = dot == std::string::npos ? key : key.substr(dot + 1);
      bool taken = false;
      for (const CheckedStage& stage : chosen) {
        if (dot != std::string::npos && key.substr(0, dot) != stage.name) continue;
        if (std::ranges::find(stage.options, option) == stage.options.end()) continue;
        runtime::put_override(setups_[stage.name].options, option, argument.substr(equals + 1),
                              position);
        taken = true;
      }
      if (!taken) diagnostics.error(position, "none of the checked stages has this option");
    }
  }
  conformance::CheckSettings settings(const std::string& after) const {
    return {std::chrono::seconds(seconds_), [this] { return session_->cancellation.requested(); },
            after};
  }

  void check(const CheckedStage& stage) {
    StageSetup& setup = setups_[stage.name];
    // The place to report a missing option at.
    if (setup.position.file.empty()) setup.position = {"--set"};
    std::vector<Check> checks = conformance::checks_of(stage.kind);
    std::erase_if(checks, [&](const Check& one) {
      return !runtime::selected({only_, {}}, one.name);
    });
    const auto subject = [&] {
      Subject made;
      made.stage = runtime::load_plugin(file_).table->stages[stage.index];
      made.options = [&, table = made.stage](const conformance::Place& place) {
        return given_options(*table, setup, context_, place);
      };
      made.columns = setup.columns;
      made.before = setup.before;
      made.dump = setup.dump;
      return made;
    };
    session_->log.debug(fmt::format(
        "{}: {}", stage.name, runtime::counted(static_cast<std::int64_t>(checks.size()), "check")));
    conformance::run_checks(
        checks, subject, settings(setup.after),
        [&](const Check& one, const Outcome& outcome, std::chrono::nanoseconds took) {
          results_.push_back(result(stage, one, outcome, took));
        });
  }
  TestResult result(const CheckedStage& stage, const Check& one, const Outcome& outcome,
                    std::chrono::nanoseconds took) const {
    const auto status = outcome.verdict == Verdict::passed    ? TestResult::Status::passed
                        : outcome.verdict == Verdict::skipped ? TestResult::Status::skipped
                                                              : TestResult::Status::failed;
    std::string message = session_->conceal(outcome.message);
    if (status == TestResult::Status::failed) message += fmt::format("\nRule: {}", one.what);
    return {stage.name.empty() ? "(unnamed stage)" : stage.name, one.name, status,
            std::move(message), took};
  }

  int report() const {
    if (!junit_.empty()) {
      write_junit(junit_, "etl check " + file_.filename().string(), results_);
    }
    if (session_->json()) print_json({{"checks", json()}});
    else print(to_text(results_, colour_on(1)));
    return all_passed(results_) ? exit_ok : exit_failed;
  }
  Json json() const {
    Json list = Json::array();
    for (const TestResult& one : results_) {
      const char* status = one.status == TestResult::Status::passed    ? "passed"
                           : one.status == TestResult::Status::skipped ? "skipped"
                                                                       : "failed";
      list.push_back({{"stage", one.suite},
                      {"check", one.name},
                      {"status", status},
                      {"message", one.message},
                      {"seconds", std::chrono::duration<double>(one.took).count()}});
    }
    return list;
  }

  fs::path file_;
  std::vector<std::string> set_;
  std::string stage_;    ///< empty = all
  fs::path check_file_;  ///< empty = none
  std::vector<std::string> only_;
  std::int64_t seconds_ = 60;
  bool list_ = false;
  fs::path junit_;  ///< empty = none

  const Session* session_ = nullptr;
  runtime::OptionContext context_;
  std::vector<CheckedStage> stages_;
  CheckFile setups_;
  std::vector<TestResult> results_;
};

}  // namespace

std::unique_ptr<Verb> check_verb() { return std::make_unique<CheckVerb>(); }

}  // namespace etl::app
