#include "core/app/cli/verb.hpp"
#include "core/app/verbs/test_report.hpp"
#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/pipeline_tests/pipeline_tests.hpp"
#include "core/runtime/pipeline_tests/test_runner.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace etl::app {
namespace {

using nlohmann::json;

class TestVerb : public Verb {
 public:
  TestVerb() : Verb("test", "Run the [[tests]] of pipeline files; touches no source and no sink") {}

  void declare(Options& options) override {
    options.value("FILE", paths_, "Pipeline files (TOML)").required = true;
    options.value("--only", only_, "Only tests whose name matches this glob (repeatable)");
    options.value("--junit", junit_, junit_help);
    common.declare_set(options);
    common.declare_format(options);
  }

  int run(const Session& session) override {
    session_ = &session;
    const runtime::StageRegistry registry = session.registry();
    for (const std::filesystem::path& file : paths_) run_file(file, registry);
    require_some();
    report();
    if (!valid_) return exit_config;
    return all_passed(results_) ? exit_ok : exit_failed;
  }

 private:
  void run_file(const std::filesystem::path& file, const runtime::StageRegistry& registry) {
    runtime::Diagnostics diagnostics;
    std::vector<runtime::PipelineTest> tests;
    runtime::OpenRequest request = session_->open_request(file);
    request.reads = false;
    request.further_checks = [&tests](const runtime::PipelineFile& read,
                                      const runtime::Graph* graph, runtime::Diagnostics& found) {
      tests = runtime::read_tests(read, graph, found);
    };
    const auto pipeline = runtime::open_pipeline(request, registry, session_->cancellation,
                                                 session_->log, diagnostics);
    if (pipeline != nullptr) {
      tests_ += tests.size();
      if (tests.empty())
        diagnostics.warning({file.string()}, "this pipeline has no tests",
                            "add [[tests]]; see docs/testing-pipelines.md");
      std::erase_if(tests, [&](const runtime::PipelineTest& test) {
        return !runtime::selected({only_, {}}, test.name);
      });
      for (runtime::PipelineTest& test : tests)
        runtime::read_test_files(test, *pipeline->graph, diagnostics);
    }
    session_->require_not_stopped();
    const bool valid = !diagnostics.failed();
    valid_ = valid_ && valid;
    const json list = session_->diagnostics_json(diagnostics);
    session_->show_diagnostics(list, session_->diagnostics_text(diagnostics));
    files_.push_back({{"file", file.string()}, {"valid", valid}, {"diagnostics", list}});
    if (!valid) return;
    for (const runtime::PipelineTest& test : tests) run_one(*pipeline, test);
  }

  void run_one(const runtime::Pipeline& pipeline, const runtime::PipelineTest& test) {
    runtime::TestOutcome outcome = runtime::run_test(pipeline, test, session_->cancellation);
    session_->require_not_stopped();
    const std::string message = session_->conceal(outcome.message);
    for (json& difference : outcome.differences) {  // a failure has its message there
      const auto got = difference.find("got");
      if (got != difference.end() && got->is_string())
        *got = session_->conceal(got->get<std::string>());
    }
    results_.push_back({pipeline.file.path, runtime::printable(test.name),
                        outcome.passed ? TestResult::Status::passed : TestResult::Status::failed,
                        message, outcome.took});
    shown_.push_back({{"file", pipeline.file.path},
                      {"name", test.name},
                      {"line", test.position.line},
                      {"column", test.position.column},
                      {"passed", outcome.passed},
                      {"message", message},
                      {"seconds", std::chrono::duration<double>(outcome.took).count()},
                      {"differences", std::move(outcome.differences)}});
  }

  /// Throws if --only matches no test: a typing error must not look like success.
  void require_some() const {
    if (!valid_ || !results_.empty() || tests_ == 0) return;
    throw Error::permanent(fmt::format("--only: none of {} tests has a name that matches {}",
                                       tests_, runtime::listed(only_)));
  }

  void report() const {
    if (session_->json()) {
      print_json(
          {{"passed", valid_ && all_passed(results_)}, {"tests", shown_}, {"files", files_}});
    } else {
      print(to_text(results_, colour_on(STDOUT_FILENO)));
    }
    if (!junit_.empty()) write_junit(junit_, "etl test", results_);
  }

  std::vector<std::filesystem::path> paths_;
  std::vector<std::string> only_;
  std::filesystem::path junit_;  ///< empty = none

  const Session* session_ = nullptr;
  std::vector<TestResult> results_;
  json shown_ = json::array();
  json files_ = json::array();
  std::size_t tests_ = 0;
  bool valid_ = true;
};

}  // namespace

std::unique_ptr<Verb> test_verb() { return std::make_unique<TestVerb>(); }

}  // namespace etl::app
