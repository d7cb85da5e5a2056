// Parsing: what reaches the verb's options, and how usage errors are reported.
#include "core/app/cli/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <vector>

namespace {

using etl::app::Option;
using etl::app::Options;
using etl::app::Session;
using etl::app::Verb;
using etl::app::VerbList;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

/// A verb with an option of each kind.
class Load : public Verb {
 public:
  explicit Load(std::string name) : Verb(std::move(name), "Load something") {}

  void declare(Options& options) override {
    declare_pipeline_file(options, file);
    common.declare_set(options);
    common.declare_format(options);
    common.declare_workers(options);
    options.number("--rows", rows, {1, 100}, "Number of rows");
    options.flag("--reload", reload, "Load again");
    options.value("--word", word, "A word").check = [](const std::string& text) {
      return std::string(text == "wrong" ? "is wrong" : "");
    };
    options.word("--kind", kind, {"source", "sink"}, "Kind").required = true;
  }
  std::string misuse() const override {
    return reload && word == "never" ? "--reload does not go with --word never" : "";
  }
  int run(const Session& /*session*/) override { return etl::app::exit_ok; }

  std::filesystem::path file;
  std::int64_t rows = 10;
  bool reload = false;
  std::string word, kind;
};

/// The outcome of one command line.
struct Parsed {
  explicit Parsed(const std::vector<const char*>& words) {
    list.verbs.push_back(std::make_unique<Load>("load"));
    list.verbs.push_back(std::make_unique<Load>("new thing"));
    list.groups = {{"new", "Make something"}};
    std::vector<std::string> texts = {"etl"};
    texts.insert(texts.end(), words.begin(), words.end());
    std::vector<char*> arguments;
    for (std::string& text : texts) arguments.push_back(text.data());
    arguments.push_back(nullptr);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const auto parsed =
        etl::app::parse_command_line(list, static_cast<int>(texts.size()), arguments.data());
    out = testing::internal::GetCapturedStdout();
    err = testing::internal::GetCapturedStderr();
    verb = static_cast<Load*>(parsed.verb);
    code = parsed.exit_code;
  }

  VerbList list;
  Load* verb = nullptr;
  int code = 0;
  std::string out, err;
};

/// A usage error with this message.
void expect_usage_error(const std::vector<const char*>& words, const std::string& message) {
  const Parsed parsed(words);
  EXPECT_EQ(parsed.verb, nullptr);
  EXPECT_EQ(parsed.code, etl::app::exit_usage);
  EXPECT_THAT(parsed.err, HasSubstr(message));
  EXPECT_EQ(parsed.out, "");
}

TEST(CommandLineTest, FillsTheOptionsOfTheVerb) {
  const Parsed parsed({"load", "a.toml", "--kind", "sink", "--rows=7", "--reload", "--set", "a.b=1",
                       "--set", "c.d=2", "--workers", "3", "--format", "json", "--word", "-x"});
  ASSERT_NE(parsed.verb, nullptr) << parsed.err;
  EXPECT_EQ(parsed.verb->name(), "load");
  EXPECT_EQ(parsed.verb->file, "a.toml");
  EXPECT_EQ(parsed.verb->kind, "sink");
  EXPECT_EQ(parsed.verb->rows, 7);
  EXPECT_TRUE(parsed.verb->reload);
  EXPECT_EQ(parsed.verb->word, "-x");
  EXPECT_EQ(parsed.verb->common.format, etl::app::Format::json);
  EXPECT_THAT(parsed.verb->common.overrides(), ElementsAre("a.b=1", "c.d=2", "run.workers=3"));
}

TEST(CommandLineTest, FindsAVerbOfAGroup) {
  const Parsed parsed({"new", "thing", "a.toml", "--kind", "source"});
  ASSERT_NE(parsed.verb, nullptr) << parsed.err;
  EXPECT_EQ(parsed.verb->name(), "new thing");
}

TEST(CommandLineTest, SuggestsTheOptionThatWasMeant) {
  expect_usage_error({"load", "a.toml", "--kind", "sink", "--wokers", "2"},
                     "etl load: unknown option \"--wokers\"; did you mean \"--workers\"?");
  expect_usage_error({"load", "--wokers", "2"}, "did you mean \"--workers\"?");
  expect_usage_error({"load", "a.toml", "--knd=sink"},
                     "unknown option \"--knd\"; did you mean \"--kind\"?");
  expect_usage_error({"--verison"},
                     "etl: unknown option \"--verison\"; did you mean \"--version\"?");
  expect_usage_error({"-V"}, "etl: unknown option \"-V\"; did you mean \"--version\"?");
}

TEST(CommandLineTest, SuggestsTheVerbThatWasMeant) {
  expect_usage_error({"laod", "a.toml"}, "etl: unknown verb \"laod\"; did you mean \"load\"?");
  expect_usage_error({"help"}, "etl: unknown verb \"help\"; did you mean \"--help\"?");
  expect_usage_error({"new", "thin"}, "etl new: unknown verb \"thin\"; did you mean \"thing\"?");
  expect_usage_error({}, "etl: no verb is given\nSee etl --help\n");
  expect_usage_error({"new"}, "etl new: no verb is given");
}

TEST(CommandLineTest, RefusesValues) {
  expect_usage_error({"load", "a.toml", "--kind", "sink", "--workers", "abc"},
                     "--workers: \"abc\" must be a whole number from 0 to 1024");
  expect_usage_error({"load", "a.toml", "--kind", "sink", "--rows", "0"},
                     "--rows: \"0\" must be a whole number from 1 to 100");
  expect_usage_error({"load", "a.toml", "--kind", "snk"},
                     "--kind: \"snk\" is not a valid value; did you mean \"sink\"?");
  expect_usage_error({"load", "a.toml", "--kind", "sink", "--word", "wrong"},
                     "--word: \"wrong\" is wrong");
  expect_usage_error({"load", "a.toml", "--kind", "sink", "--word"}, "--word needs a value");
  expect_usage_error({"load", "a.toml", "--kind", "sink", "--rows", "1", "--rows", "2"},
                     "--rows is given more than once");
}

TEST(CommandLineTest, RefusesMissingAndSurplusArguments) {
  expect_usage_error({"load", "a.toml"}, "etl load: --kind is required");
  expect_usage_error({"load", "--kind", "sink"}, "etl load: FILE is required");
  expect_usage_error({"load", "a.toml", "b.toml", "--kind", "sink"},
                     "etl load: unexpected argument \"b.toml\"");
  expect_usage_error({"load", "a.toml", "--kind", "sink", "--reload", "--word", "never"},
                     "--reload does not go with --word never");
}

TEST(CommandLineTest, ReportsUsageErrorsAsJsonWhereItIsAskedFor) {
  for (const auto& words : std::vector<std::vector<const char*>>{
           {"load", "--format", "json"}, {"load", "--format=json", "--knd", "sink"}}) {
    const Parsed parsed(words);
    EXPECT_EQ(parsed.code, etl::app::exit_usage);
    const json document = json::parse(parsed.out, nullptr, false);
    ASSERT_TRUE(document.is_object()) << parsed.out;
    EXPECT_EQ(document["error"]["code"], "usage");
    EXPECT_THAT(parsed.err, HasSubstr(document["error"]["message"].get<std::string>()));
  }
}

TEST(CommandLineTest, HelpAndVersionAreNoErrors) {
  const Parsed help({"load", "--help"});
  EXPECT_EQ(help.code, etl::app::exit_ok);
  EXPECT_THAT(help.out, HasSubstr("--rows INT:[1 - 100]=10"));
  EXPECT_THAT(Parsed({"--version"}).out, HasSubstr("etl "));
  EXPECT_THAT(Parsed({"--help"}).out, HasSubstr("\nVerbs:\n  load "));
}

TEST(CommandLineTest, DescribesItselfAsJson) {
  const json line = json::parse(Parsed({"--command-line"}).out);
  EXPECT_EQ(line["verbs"][1]["name"], "new");
  EXPECT_EQ(line["verbs"][1]["verbs"][0]["name"], "thing");
  const json& options = line["verbs"][0]["options"];
  const auto option = [&](const std::string& name) {
    for (const json& one : options) {
      if (one["names"].back() == name) return one;
    }
    return json();
  };
  EXPECT_EQ(options[0]["names"], json({"-h", "--help"}));
  EXPECT_EQ(option("FILE")["positional"], true);
  EXPECT_EQ(option("FILE")["required"], true);
  EXPECT_EQ(option("--set")["repeatable"], true);
  EXPECT_EQ(option("--kind")["allowed"], json({"source", "sink"}));
  EXPECT_EQ(option("--format")["default"], "text");
  EXPECT_EQ(option("--rows")["type"], "INT");
  EXPECT_EQ(option("--reload")["flag"], true);
  EXPECT_EQ(option("--plugin-dir")["type"], "DIR");
}

}  // namespace
