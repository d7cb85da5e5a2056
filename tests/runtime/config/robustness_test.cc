// Broken, hostile and random input must be refused with a position, and nothing worse.
#include "core/runtime/config/option_values.hpp"
#include "core/runtime/config/pipeline_file.hpp"
#include "stages.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <random>
#include <sstream>

namespace {

using namespace etl::runtime;

std::optional<std::string> some_environment(const std::string& name) {
  return name.size() % 2 == 0 ? std::optional(name) : std::nullopt;
}

/// Does everything that happens to a file before a plugin sees it, and checks the invariants.
std::string load(const std::string& text, const std::vector<std::string>& set = {}) {
  Diagnostics diagnostics;
  const auto file = parse_pipeline(text, {"f.toml", set, some_environment}, diagnostics);
  EXPECT_TRUE(file.has_value() || diagnostics.failed());
  if (file) {
    for (const StageSpec& stage : file->stages) {
      const auto table = config_test::table_of(stage.plugin);
      const auto values = check_options(stage, table, {file->folder, {}}, diagnostics);
      EXPECT_TRUE(values != nullptr || diagnostics.failed());
    }
  }
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
  for (const Diagnostic& one : diagnostics.all()) {
    EXPECT_LE(one.position.line, lines) << one.message;
    EXPECT_FALSE(one.message.empty());
  }
  EXPECT_EQ(nlohmann::json::parse(diagnostics.json().dump()).size(), diagnostics.all().size());
  return diagnostics.text(false);
}

bool starts(const std::string& text, std::string_view with) { return text.starts_with(with); }

std::string repeated(std::string_view part, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += part;
  return out;
}

TEST(Robustness, DeepNestingIsRefused) {
  EXPECT_TRUE(starts(load("a = " + repeated("[", 50'000)),
                     "f.toml:1:261: error: syntax error: arrays and"));
  EXPECT_TRUE(starts(load("a = " + repeated("{a=", 50'000)), "f.toml:1:"));
  EXPECT_TRUE(
      starts(load("a = " + repeated("[", 50'000) + repeated("]", 50'000)), "f.toml:1:261: error"));
  EXPECT_TRUE(starts(load(repeated("a.", 50'000) + "a = 1"),
                     "f.toml:1:32: error: syntax error: a dotted key"));
  EXPECT_TRUE(starts(load("[" + repeated("a . ", 50'000) + "a]"), "f.toml:1:"));
  EXPECT_TRUE(starts(load("x = 1\ny = {" + repeated("'a.a'.", 50'000) + "a = 1}"), "f.toml:2:"));
}

TEST(Robustness, LongDottedKeysCannotHideBehindStrings) {
  const std::string key = repeated("a.", 50'000) + "a = 1";
  for (const char* before :
       {"x = '''a''''\n", "x = \"\"\"a\"\"\"\"\"\n", "x = \"\\\"\"\n", "x = '\\'\n",
        "x = \"\"\"\\\"\"\"\"\n", "# \"\n", "x = ''\n", "'\"' = 1\n", "x = '''\n'''\n"}) {
    EXPECT_NE(load(before + key).find("a dotted key is limited to 16 parts"), std::string::npos)
        << before;
  }
  EXPECT_NE(load("x = {y = '''a'''', " + key + "}").find("a dotted key is limited"),
            std::string::npos);
}

TEST(Robustness, DotsElsewhereDoNotCount) {
  const std::string dots = repeated("a.", 1000);
  const std::string numbers = repeated("1.5, ", 1000);
  const std::string text = "name = '" + dots + "' # " + dots + "\n[run]\nx = [" + numbers +
                           "]\ny = \"\"\"\n" + dots + "\n\"\"\"\n";
  EXPECT_EQ(load(text).find("dotted"), std::string::npos);
}

TEST(Robustness, AsDeepAsItMayBe) {
  std::string value = "1";
  for (int i = 0; i < 200; ++i) value.insert(0, "{a.b.c.d.e.f.g.h.i.j.k.l.m.n.o = ").append("}");
  EXPECT_NE(load("[a.b.c.d.e.f]\nx = " + value).find("unknown key \"a\""), std::string::npos);
}

TEST(Robustness, BytesThatAreNotText) {
  EXPECT_TRUE(starts(load(std::string("name = \"a\0b\"", 12)), "f.toml:1:10: error: syntax error"));
  EXPECT_TRUE(starts(load(std::string("\0", 1)), "f.toml:1:1: error: syntax error"));
  EXPECT_TRUE(
      starts(load("a = 1\nb = '\xff'\n"), "f.toml:2:6: error: syntax error: invalid UTF-8"));
  EXPECT_TRUE(starts(load("a = '\xC0\x80'"), "f.toml:1:6: error"));
  EXPECT_TRUE(starts(load("\xFF\xFEn"), "f.toml:1:1: error"));
  EXPECT_TRUE(starts(load("name = 'x' # \x1b[2J"), "f.toml:1:14: error"));
}

// On such files toml++ 3.3 hits assertions and undefined behaviour: it must not see them.
TEST(Robustness, StrayCharacters) {
  EXPECT_TRUE(starts(load("[の]\n"), "f.toml:1:2: error: syntax error: \"の\" outside a string"));
  EXPECT_TRUE(starts(load("a.é = 1\n"), "f.toml:1:3: error: syntax error: \"é\" outside a string"));
  EXPECT_TRUE(starts(load("a = 1 \xC2\xA0 # é\n"), "f.toml:1:7: error: syntax error"));
  EXPECT_TRUE(
      starts(load("a = 1\n[\x0F]"), "f.toml:2:2: error: syntax error: \"\\u000F\" outside"));
  EXPECT_TRUE(
      starts(load("a = /tmp\n"), "f.toml:1:5: error: syntax error: \"/\" outside a string"));
}

TEST(Robustness, EveryCharacterInsideStringsAndComments) {
  const std::string text = R"('é@' = "é@\"é" # é@'"
"の" = ['é', "", '\', '''''', """""" ] # @
x = """"é\""é"""""
y = '''
'é@''\''''' # @
z = """\\""" # @
)";
  EXPECT_EQ(load(text).find("syntax error"), std::string::npos) << load(text);
}

TEST(Robustness, ManyMistakesAreAllReported) {
  const std::string out = load(repeated("x", 3) + " = 1\n" + "[run]\n" + [] {
    std::string keys;
    for (int i = 0; i < 2000; ++i) keys += "key" + std::to_string(i) + " = 1\n";
    return keys;
  }());
  EXPECT_NE(out.find("f.toml:2002:1: error: unknown option \"key1999\" in [run]"),
            std::string::npos);
}

TEST(Robustness, ManyMistakesInOneLine) {
  const std::string out =
      load("sources.s.plugin = 'bare'\nsinks.d = {plugin = 'language', input = 's', codes = [" +
           repeated("1,", 20'000) + "1]}\nname = 'x'");
  EXPECT_NE(out.find("(item 20001) must be a string"), std::string::npos);
  EXPECT_EQ(load("sinks.d.input = [" + repeated("'a',", 20'000) + "]").find("'a1'"),
            std::string::npos);
}

TEST(Robustness, ValuesOfSetCannotSmuggleKeys) {
  const std::string file =
      "name='x'\nsources.s.plugin='bare'\nsinks.d={plugin='sqlite',input='s',path='p',table='t'}";
  EXPECT_EQ(load(file), "");
  EXPECT_EQ(load(file, {"d.table=1\nd.mode=2"}), "");  // one odd string
  EXPECT_EQ(load(file, {"d.table=1 # no comment", "d.key=['a'] "}), "");
  EXPECT_NE(load(file, {"d.key=" + repeated("[", 50'000)}).find("an array of strings"),
            std::string::npos);
  EXPECT_NE(load(file, {"d.key={" + repeated("a.", 50'000) + "a=1}"}).find("an array of strings"),
            std::string::npos);
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Mutates the golden cases: bytes changed, removed, duplicated and moved.
TEST(Robustness, MutatedFiles) {
  std::vector<std::string> seeds;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ETL_CASES)) {
    if (entry.path().extension() == ".toml") seeds.push_back(contents(entry.path()));
  }
  std::ranges::sort(seeds);
  ASSERT_FALSE(seeds.empty());
  constexpr std::string_view bytes("\n\t\r \"'[]{}=.,#$\\-:0aZ\0\x7f\xff\xc3\xa9", 26);
  std::mt19937 random(20240229);
  const auto below = [&](std::size_t end) { return random() % std::max<std::size_t>(end, 1); };
  for (int round = 0; round < 2000 && !HasFailure(); ++round) {
    std::string text = seeds[below(seeds.size())];
    for (std::size_t change = 0, changes = 1 + below(4); change < changes; ++change) {
      const std::size_t at = below(text.size());
      const std::size_t count = below(12);
      switch (below(4)) {
        case 0:
          text.insert(at, 1, bytes[below(bytes.size())]);
          break;
        case 1:
          text.erase(at, count);
          break;
        case 2:
          text.insert(below(text.size()), text.substr(at, count));
          break;
        default:
          text.insert(below(text.size()), seeds[below(seeds.size())].substr(0, 4 * count));
          break;
      }
    }
    SCOPED_TRACE(text);
    (void)load(text);
  }
}

}  // namespace
