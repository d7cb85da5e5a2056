#include "core/runtime/config/pipeline_file.hpp"

#include "tests/support/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

namespace {

using namespace etl::runtime;
using testing::ElementsAre;
using testing::HasSubstr;

std::optional<std::string> no_environment(const std::string&) { return std::nullopt; }

/// Finds the position of the text between bars, without the parser: `[sinks.|z|]` is the z of that
/// header.
Position position_of(const std::string& text, const std::string& marked) {
  const std::size_t first = marked.find('|');
  const std::string before = marked.substr(0, first);
  const std::string part = marked.substr(first + 1, marked.rfind('|') - first - 1);
  const std::size_t at =
      text.find(before + part + marked.substr(marked.rfind('|') + 1)) + before.size();
  const std::string until = text.substr(0, at);
  const auto line = static_cast<std::size_t>(std::ranges::count(until, '\n')) + 1;
  return {"p.toml", line, at - (until.rfind('\n') + 1) + 1, part.size()};
}

std::vector<std::string> messages(const Diagnostics& diagnostics) {
  std::vector<std::string> out;
  for (const Diagnostic& one : diagnostics.all()) out.push_back(one.message);
  return out;
}

std::string good_file(const std::string& line_end = "\n") {
  std::string text;
  for (const char* line :
       {"name = 'p'", "[sinks.z]", "plugin = 'sqlite'", "input = ['b', 'a']", "path = 'x.db'",
        "[sources.b]", "plugin = 'pages'", "[filters.c]", "plugin = 'language'", "input = \"b\"",
        "[sources.a]", "plugin = 'pages'", "start = 1", "[run]", "workers = 3"}) {
    text += line + line_end;
  }
  return text;
}

TEST(PipelineFile, IsReadInTheOrderOfTheFile) {
  Diagnostics diagnostics;
  const std::string text = good_file();
  const auto file = parse_pipeline(text, {"p.toml", {}, no_environment}, diagnostics);
  ASSERT_TRUE(file && !diagnostics.failed()) << diagnostics.text(false);
  EXPECT_EQ(file->name, "p");
  EXPECT_EQ(file->name_position, position_of(text, "name = |'p'|"));
  EXPECT_EQ(file->folder, std::filesystem::current_path());
  EXPECT_EQ(file->run.workers, 3);
  std::vector<std::string> names;
  for (const StageSpec& stage : file->stages) names.push_back(stage.name);
  EXPECT_THAT(names, ElementsAre("z", "b", "c", "a"));
  const StageSpec& sink = file->stages[0];
  EXPECT_EQ(sink.kind, Kind::sink);
  EXPECT_EQ(sink.position, position_of(text, "[sinks.|z|]"));
  EXPECT_EQ(sink.plugin, "sqlite");
  EXPECT_EQ(sink.plugin_position, position_of(text, "|'sqlite'|"));
  EXPECT_EQ(sink.inputs_position, position_of(text, "|['b', 'a']|"));
  ASSERT_EQ(sink.inputs.size(), 2U);
  EXPECT_EQ(sink.inputs[1].name, "a");
  EXPECT_EQ(sink.inputs[1].position, position_of(text, "|'a'|]"));
  ASSERT_EQ(sink.options.size(), 1U);
  EXPECT_EQ(sink.options[0].name, "path");
  EXPECT_EQ(sink.options[0].key, position_of(text, "|path|"));
  EXPECT_EQ(sink.options[0].value, position_of(text, "|'x.db'|"));
  EXPECT_EQ(file->stages[2].inputs[0].position, position_of(text, "|\"b\"|"));
}

TEST(PipelineFile, DefaultsOfRun) {
  Diagnostics diagnostics;
  const auto file = parse_pipeline("name='p'\nsources.a.plugin='x'\nsinks.b={plugin='y',input='a'}",
                                   {"p.toml", {}, no_environment}, diagnostics);
  ASSERT_TRUE(file && !diagnostics.failed()) << diagnostics.text(false);
  EXPECT_EQ(file->run.workers, 0);
  EXPECT_EQ(file->run.executor, Executor::threads);
  EXPECT_EQ(file->run.retries, 5);
  EXPECT_EQ(file->run.retry_delay, std::chrono::milliseconds(500));
  EXPECT_EQ(file->run.on_failure, OnFailure::continue_);
  EXPECT_EQ(file->run.memory_limit, 536'870'912);
  EXPECT_EQ(file->run.max_rejects, 1000);
  EXPECT_TRUE(file->run.pushdown);
}

TEST(PipelineFile, AnEmptyRunTableHasTheSameDefaults) {
  Diagnostics diagnostics;
  const RunSettings declared = read_run_settings({}, {}, "/pipelines", diagnostics);
  const RunSettings built_in;
  EXPECT_FALSE(diagnostics.failed());
  EXPECT_EQ(declared.workers, built_in.workers);
  EXPECT_EQ(declared.executor, built_in.executor);
  EXPECT_EQ(declared.retries, built_in.retries);
  EXPECT_EQ(declared.retry_delay, built_in.retry_delay);
  EXPECT_EQ(declared.on_failure, built_in.on_failure);
  EXPECT_EQ(declared.memory_limit, built_in.memory_limit);
  EXPECT_EQ(declared.max_rejects, built_in.max_rejects);
  EXPECT_EQ(declared.pushdown, built_in.pushdown);
}

TEST(PipelineFile, LineEndsAndByteOrderMarkChangeNothing) {
  Diagnostics diagnostics;
  const std::string text = good_file();
  const auto plain = parse_pipeline(text, {"p.toml", {}, no_environment}, diagnostics);
  const auto windows = parse_pipeline("\xEF\xBB\xBF" + good_file("\r\n"),
                                      {"p.toml", {}, no_environment}, diagnostics);
  ASSERT_TRUE(plain && windows && !diagnostics.failed()) << diagnostics.text(false);
  EXPECT_EQ(plain->name_position, windows->name_position);
  ASSERT_EQ(plain->stages.size(), windows->stages.size());
  for (std::size_t i = 0; i < plain->stages.size(); ++i) {
    EXPECT_EQ(plain->stages[i].name, windows->stages[i].name);
    EXPECT_EQ(plain->stages[i].position, windows->stages[i].position);
    EXPECT_EQ(plain->stages[i].plugin_position, windows->stages[i].plugin_position);
  }
}

TEST(PipelineFile, MistakesAtTheirPlaces) {
  const std::string text =
      "nmae = 'p'\n"
      "[run]\n"
      "  wrkers = 3\n"
      "  retries = -7\n"
      "[sources.a]\n"
      "input = 'a'\n"
      "[filters.f]\n"
      "plugin = 5\n"
      "input = [ 'a', \"a\" ]\n"
      "[filters.a]\n"
      "[sinks]\n"
      "d.plugin = '${NOWHERE}'\n"
      "d.input = 1.5\n";
  Diagnostics diagnostics;
  const auto file = parse_pipeline(text, {"p.toml", {}, no_environment}, diagnostics);
  ASSERT_TRUE(file.has_value());
  const std::vector<std::pair<Position, std::string>> expected{
      {{"p.toml", 0, 0, 1}, "no name"},
      {position_of(text, "|nmae|"), "unknown key"},
      {position_of(text, "|wrkers|"), "unknown opt"},
      {position_of(text, "|-7|"), "between 0 and 1000"},
      {position_of(text, "[sources.|a|]"), "no plugin"},
      {position_of(text, "|input| = 'a'"), "cannot have an input"},
      {position_of(text, "|5|"), "a string"},
      {position_of(text, "|\"a\"|"), "twice"},
      {position_of(text, "[filters.|a|]"), "two stages"},
      {position_of(text, "|'${NOWHERE}'|"), "NOWHERE"},
      {position_of(text, "|1.5|"), "array of str"},
  };
  EXPECT_EQ(diagnostics.all().size(), expected.size()) << diagnostics.text(false);
  for (const auto& one : expected) {
    const Position& position = one.first;
    const std::string& part = one.second;
    const auto at = std::ranges::find_if(diagnostics.all(), [&](const Diagnostic& found) {
      return found.position.line == position.line && found.position.column == position.column &&
             found.message.find(part) != std::string::npos;
    });
    EXPECT_NE(at, diagnostics.all().end())
        << position.line << ':' << position.column << ' ' << part << '\n'
        << diagnostics.text(false);
  }
}

TEST(PipelineFile, SetWinsBeforeAnythingIsExpanded) {
  Diagnostics diagnostics;
  const auto file = parse_pipeline(
      "name='${A}'\nrun.workers='${B}'\nsources.a={plugin='${C}',x='${D}'}\nsinks.b={plugin='y',"
      "input='${E}'}",
      {"p.toml",
       {"name=n", "run.workers=2", "a.plugin=z", "a.x=${X}", "b.input=a"},
       no_environment},
      diagnostics);
  ASSERT_TRUE(file && !diagnostics.failed()) << diagnostics.text(false);
  EXPECT_EQ(file->name, "n");
  EXPECT_EQ(file->run.workers, 2);
  EXPECT_EQ(file->stages[0].plugin, "z");
  EXPECT_EQ(std::get<std::string>(file->stages[0].options.at(0).data), "${X}");
  EXPECT_EQ(file->stages[1].inputs.at(0).name, "a");
}

class Files : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& text) {
    return etl_test::write_file(folder_ / name, text);
  }

  std::string failure(const std::filesystem::path& path) {
    Diagnostics diagnostics;
    EXPECT_EQ(load_pipeline({path, {}, no_environment}, diagnostics), std::nullopt);
    EXPECT_EQ(diagnostics.all().size(), 1U) << diagnostics.text(false);
    return diagnostics.text(false);
  }

  etl_test::TemporaryFolder temporary_;
  std::filesystem::path folder_ = temporary_.path();
};

TEST_F(Files, AreReadWhereTheyLie) {
  Diagnostics diagnostics;
  const auto file = load_pipeline({write("p.toml", good_file()), {}, no_environment}, diagnostics);
  ASSERT_TRUE(file && !diagnostics.failed()) << diagnostics.text(false);
  EXPECT_EQ(file->folder, folder_);
  EXPECT_EQ(file->path, (folder_ / "p.toml").string());
}

TEST_F(Files, RelativePathsKeepTheirSpelling) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder_);
  write("p.toml", "name = 1\n");
  Diagnostics diagnostics;
  const auto file = load_pipeline({"./p.toml", {}, no_environment}, diagnostics);
  std::filesystem::current_path(before);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->folder, folder_);
  EXPECT_THAT(diagnostics.text(false), HasSubstr("./p.toml:1:8: error: \"name\" must be a string"));
}

TEST_F(Files, UnreadableOnesAreNamedWithTheReason) {
  EXPECT_EQ(failure(folder_),
            folder_.string() + ": error: cannot read the pipeline file: Is a directory\n");
  EXPECT_THAT(failure(folder_ / "none.toml"),
              HasSubstr("none.toml: error: cannot read the pipeline file: No such file"));
  EXPECT_THAT(failure(write("p.toml", "") / "x"), HasSubstr("Not a directory"));
  std::filesystem::create_symlink(folder_ / "loop", folder_ / "loop");
  EXPECT_THAT(failure(folder_ / "loop"), HasSubstr("symbolic links"));
  EXPECT_THAT(failure("/proc/self/mem"), HasSubstr("Input/output error"));  // opens, cannot be read
  EXPECT_THAT(failure(""), HasSubstr("No such file"));
}

TEST_F(Files, TooLargeOnesAreRefused) {
  const std::string text = "name = 'x' #" + std::string(max_document_size, 'x');
  EXPECT_THAT(failure(write("p.toml", text)), HasSubstr("may have 4194304 bytes"));
  EXPECT_THAT(failure("/dev/zero"), HasSubstr("may have 4194304 bytes"));
}

TEST_F(Files, EmptyOnesLackEverything) {
  Diagnostics diagnostics;
  const auto file = load_pipeline({write("p.toml", ""), {}, no_environment}, diagnostics);
  EXPECT_TRUE(file.has_value());
  EXPECT_THAT(messages(diagnostics),
              ElementsAre("the pipeline has no name", "the pipeline has no source",
                          "the pipeline has no sink"));
}

}  // namespace
