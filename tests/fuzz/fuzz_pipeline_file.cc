// Reads a pipeline file with --set values and checks its options: the result is a file or a
// diagnostic, never neither, and diagnostics point into the file.
//
// Input: the file's text, then --set values, each after a \x1E.
#include "core/runtime/config/option_values.hpp"
#include "core/runtime/config/pipeline_file.hpp"
#include "core/runtime/pipeline_tests/pipeline_tests.hpp"
#include "fuzz.hpp"
#include "tests/runtime/config/stages.hpp"

#include <nlohmann/json.hpp>

#include <optional>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)

/// Every other variable is set.
std::optional<std::string> some_environment(const std::string& name) {
  return name.size() % 2 == 0 ? std::optional(name) : std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string text(input.until('\x1E'));
  std::vector<std::string> set;
  while (!input.empty() && set.size() < 8) set.emplace_back(input.until('\x1E'));

  Diagnostics diagnostics;
  const auto file = parse_pipeline(text, {"f.toml", set, some_environment}, diagnostics);
  fuzz::require(file.has_value() || diagnostics.failed(), "neither a file nor a finding");
  if (file) {
    for (const StageSpec& stage : file->stages) {
      const auto table = config_test::table_of(stage.plugin);
      const auto values = check_options(stage, table, {file->folder, {}}, diagnostics);
      fuzz::require(values != nullptr || diagnostics.failed(), "neither values nor a finding");
    }
    fuzz::require(read_tests(*file, nullptr, diagnostics).empty(), "tests without stages");
  }
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
  for (const Diagnostic& one : diagnostics.all()) {
    fuzz::require(one.position.line <= lines, "a finding behind the file's end", one.message);
    fuzz::require(!one.message.empty(), "a finding without a word");
  }
  const auto json = nlohmann::json::parse(diagnostics.json().dump());
  fuzz::require(json.size() == diagnostics.all().size(), "the findings' JSON lost one");
  fuzz::require(diagnostics.text(false).find('\x1B') == std::string::npos,
                "what a terminal acts on comes out");
  return 0;
}
