#include "support.hpp"

#include "core/runtime/pipeline_tests/pipeline_tests.hpp"
#include "source.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace runtime_test {

namespace fs = std::filesystem;
using namespace etl::runtime;  // NOLINT(google-build-using-namespace)

namespace {

std::string test_name() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  return std::string(test->test_suite_name()) + "." + test->name();
}

std::string replaced(std::string text, char mark, const std::string& value) {
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
    text.replace(at, 1, value);
    at += value.size();
  }
  return text;
}

}  // namespace

Watchdog::Watchdog(std::chrono::seconds patience)
    : thread_([this, patience, name = test_name()] {
        std::unique_lock lock(mutex_);
        if (gone_.wait_for(lock, patience, [this] { return over_; })) return;
        std::fprintf(stderr, "watchdog: %s is still running after %lld s\n", name.c_str(),
                     static_cast<long long>(patience.count()));
        std::abort();  // a core dump or debugger shows every thread's stack
      }) {}

Watchdog::~Watchdog() {
  {
    const std::scoped_lock lock(mutex_);
    over_ = true;
  }
  gone_.notify_all();
  thread_.join();
}

fs::path test_plugin(const std::string& name) {
  return fs::path(TEST_PLUGINS) / name / (name + ".so");
}

const StageRegistry& test_registry() {
  static const StageRegistry registry = [] {
    StageRegistry made;
    made.add({"linked into the test", &etl_plugin_v1});
    made.add(load_plugin(test_plugin("careless")));
    return made;
  }();
  return registry;
}

probe::Store& store(const std::string& suffix) { return probe::Store::of(test_name() + suffix); }

Bench::Bench(const std::string& stages, const std::string& run, const std::string& retry_delay) {
  const std::string text =
      "name = \"bench\"\n[run]\nretry_delay = \"" + retry_delay + "\"\n" + run + "\n" + stages;
  const fs::path path = folder_.file(
      "pipeline.toml", replaced(replaced(text, '@', test_name()), '%', folder_.path().string()));
  OpenRequest request{path, {}};
  request.further_checks = [](const PipelineFile& file, const Graph* graph,
                              Diagnostics& diagnostics) {
    static_cast<void>(read_tests(file, graph, diagnostics));
  };
  pipeline_ = open_pipeline(request, test_registry(), cancellation, log, diagnostics_);
}

Pipeline& Bench::pipeline() {
  if (pipeline_ == nullptr) throw std::runtime_error(diagnostics_.text(false));
  return *pipeline_;
}

NodeIndex Bench::node(std::string_view name) {
  for (NodeIndex at = 0; at < graph().nodes().size(); ++at) {
    if (graph()[at].name == name) return at;
  }
  throw std::runtime_error("no stage " + std::string(name));
}

std::string Bench::mistakes() {
  std::string text;
  for (const Diagnostic& one : diagnostics_.all()) {
    text += std::string(severity_name(one.severity)) + ": " + one.message +
            (one.hint.empty() ? "" : " | " + one.hint) + "\n";
  }
  return text;
}

Preflight Bench::preflight(bool reload) {
  return etl::runtime::run_preflight(pipeline(), reload, diagnostics_);
}

Summary Bench::run(const RunRequest& request) { return run(preflight(request.reload), request); }

Summary Bench::run(Preflight preflight, const RunRequest& request) {
  if (diagnostics_.failed()) throw std::runtime_error(diagnostics_.text(false));
  return run_pipeline(pipeline(), std::move(preflight), request, cancellation, log);
}

std::vector<probe::Row> rows_of(const std::string& part, std::int64_t count) {
  std::vector<probe::Row> rows;
  for (std::int64_t n = 0; n < count; ++n) {
    rows.push_back({part, n, std::string(probe::colour_of(n))});
  }
  return rows;
}

std::vector<probe::Row> all_rows(int partitions, std::int64_t count) {
  std::vector<probe::Row> rows;
  for (int i = 0; i < partitions; ++i) {
    const std::vector<probe::Row> part = rows_of("p" + std::to_string(i), count);
    rows.insert(rows.end(), part.begin(), part.end());
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace runtime_test
