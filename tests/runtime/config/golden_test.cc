// Loads every cases/GROUP/NAME.toml, checks its stages, and compares the diagnostics, or else the
// parsed values, with cases/GROUP/NAME.expected.
//
// Comments of the form `#! env NAME=VALUE` and `#! set KEY=VALUE` in a case set variables and
// overrides. The process environment is not used.
#include "core/runtime/config/diagnostics.hpp"
#include "core/runtime/config/option_values.hpp"
#include "core/runtime/config/pipeline_file.hpp"
#include "core/runtime/pipeline_tests/pipeline_tests.hpp"
#include "stages.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace {

using namespace etl::runtime;

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Case {
  LoadRequest request;
  std::string text;
};

Case read_case(const std::filesystem::path& path) {
  Case out;
  out.text = contents(path);
  out.request.path = "/pipelines/" + path.filename().string();
  std::map<std::string, std::string> variables;
  std::istringstream lines(out.text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#! set ")) out.request.set.push_back(line.substr(7));
    if (!line.starts_with("#! env ")) continue;
    const std::size_t equals = line.find('=');
    variables[line.substr(7, equals - 7)] = line.substr(equals + 1);
  }
  out.request.environment = [variables](const std::string& variable) -> std::optional<std::string> {
    const auto found = variables.find(variable);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  return out;
}

std::string understood(const PipelineFile& file, const OptionContext& context,
                       Diagnostics& diagnostics) {
  std::string out = fmt::format("pipeline \"{}\", \"{}\"\n", file.name, file.description);
  const RunSettings& run = file.run;
  out += fmt::format(
      "run workers={} {} retries={} delay={}ms {} memory={} rejects={} pushdown={}\n", run.workers,
      run.executor == Executor::threads ? "threads" : "processes", run.retries,
      run.retry_delay.count(), run.on_failure == OnFailure::stop ? "stop" : "continue",
      run.memory_limit, run.max_rejects, run.pushdown);
  for (const StageSpec& stage : file.stages) {
    out += fmt::format("{} \"{}\" plugin={}", kind_name(stage.kind), stage.name, stage.plugin);
    for (const Input& input : stage.inputs) out += fmt::format(" <- {}", input.name);
    out += '\n';
    if (stage.plugin.empty()) continue;  // reported
    const auto values =
        check_options(stage, config_test::table_of(stage.plugin), context, diagnostics);
    if (values != nullptr) out += values->definition();
  }
  (void)read_tests(file, nullptr, diagnostics);  // without graph, as if a stage had mistakes
  return out;
}

/// The output of loading the case.
std::string outcome(const std::filesystem::path& path) {
  const auto [request, text] = read_case(path);
  Diagnostics diagnostics;
  const std::optional<PipelineFile> file = parse_pipeline(text, request, diagnostics);
  std::string out;
  if (file) {
    const auto now = std::chrono::sys_days(std::chrono::year(2024) / 3 / 1);
    out = understood(*file, {file->folder, now}, diagnostics);
  }
  return diagnostics.text(false) + (diagnostics.failed() ? "" : out);
}

class Golden : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Golden, IsAsExpected) {
  std::filesystem::path expected = GetParam();
  expected.replace_extension(".expected");
  EXPECT_EQ(outcome(GetParam()), contents(expected));
}

std::vector<std::filesystem::path> case_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ETL_CASES)) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, testing::ValuesIn(case_files()),
                         [](const auto& one) { return one.param.stem().string(); });

}  // namespace
