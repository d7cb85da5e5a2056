#include "core/app/cli/exit_codes.hpp"
#include "core/app/cli/session.hpp"
#include "core/app/verbs/test_report.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/pipeline_tests/pipeline_tests.hpp"
#include "core/runtime/pipeline_tests/test_runner.hpp"

#include <fmt/format.h>
#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace etl::app {
namespace {

using nlohmann::json;

bool wanted(const Arguments& arguments, const std::string& name) {
  return arguments.only.empty() ||
         std::ranges::any_of(arguments.only, [&](const std::string& glob) {
           return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
         });
}

/// The tests of all files, one after the other.
class TestSession {
 public:
  explicit TestSession(const Session& session) : session_(session) {}

  int run() {
    const runtime::StageRegistry registry = session_.registry();
    for (const std::filesystem::path& file : session_.arguments.files) run_file(file, registry);
    require_some();
    report();
    if (!valid_) return exit_config;
    return all_passed(results_) ? exit_ok : exit_failed;
  }

 private:
  void run_file(const std::filesystem::path& file, const runtime::StageRegistry& registry) {
    runtime::Diagnostics diagnostics;
    std::vector<runtime::PipelineTest> tests;
    runtime::OpenRequest request = session_.open_request(file);
    request.further_checks = [&tests](const runtime::PipelineFile& read,
                                      const runtime::Graph* graph, runtime::Diagnostics& found) {
      tests = runtime::read_tests(read, graph, found);
    };
    const auto pipeline =
        runtime::open_pipeline(request, registry, session_.cancellation, session_.log, diagnostics);
    if (pipeline != nullptr) {
      tests_ += tests.size();
      if (tests.empty())
        diagnostics.warning({file.string()}, "there are no tests in this pipeline",
                            "add [[tests]]; see docs/testing-pipelines.md");
      std::erase_if(tests, [&](const runtime::PipelineTest& test) {
        return !wanted(session_.arguments, test.name);
      });
      for (runtime::PipelineTest& test : tests)
        runtime::read_test_files(test, *pipeline->graph, diagnostics);
    }
    require_not_stopped(session_);
    const bool valid = !diagnostics.failed();
    valid_ = valid_ && valid;
    files_.push_back({{"file", file.string()},
                      {"valid", valid},
                      {"diagnostics", findings(session_, diagnostics)}});
    const std::string text =
        session_.log.redactor().conceal(diagnostics.text(colour_on(STDERR_FILENO)));
    std::fputs(text.c_str(), stderr);
    if (!valid) return;
    for (const runtime::PipelineTest& test : tests) run_one(*pipeline, test);
  }

  void run_one(const runtime::Pipeline& pipeline, const runtime::PipelineTest& test) {
    runtime::TestOutcome outcome = runtime::run_test(pipeline, test, session_.cancellation);
    require_not_stopped(session_);
    const std::string message = session_.log.redactor().conceal(outcome.message);
    for (json& difference : outcome.differences) {  // of a failure, its message
      const auto got = difference.find("got");
      if (got != difference.end() && got->is_string())
        *got = session_.log.redactor().conceal(got->get<std::string>());
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

  /// A mistyped --only must not look like success.
  void require_some() const {
    if (!valid_ || !results_.empty() || tests_ == 0) return;
    std::string globs;
    for (const std::string& glob : session_.arguments.only)
      globs += (globs.empty() ? "\"" : ", \"") + glob + "\"";
    throw Error::permanent(
        fmt::format("--only: none of {} tests has a name that matches {}", tests_, globs));
  }

  void report() const {
    if (session_.arguments.format == Format::json) {
      print_json(
          {{"passed", valid_ && all_passed(results_)}, {"tests", shown_}, {"files", files_}});
    } else {
      print(to_text(results_, colour_on(STDOUT_FILENO)));
    }
    if (!session_.arguments.junit.empty())
      write_junit(session_.arguments.junit, "etl test", results_);
  }

  const Session& session_;
  std::vector<TestResult> results_;
  json shown_ = json::array();
  json files_ = json::array();
  std::size_t tests_ = 0;
  bool valid_ = true;
};

}  // namespace

int test(const Session& session) { return TestSession(session).run(); }

}  // namespace etl::app
