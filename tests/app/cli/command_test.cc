// The command from outside: exit codes, and what is on stdout in every case.
#include "etl_process.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <ostream>

namespace {

namespace fs = std::filesystem;
using runtime_test::Ended;
using runtime_test::EtlProcess;
using runtime_test::read_text;
using runtime_test::run_etl;
using runtime_test::TempFolder;
using runtime_test::test_plugin;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int ok = 0, failed = 1, usage = 64, internal = 70, config = 78;

std::string folder_of(const std::string& plugin) { return test_plugin(plugin).parent_path(); }

std::string pipeline(const std::string& source = "", const std::string& sink = "") {
  return "name = \"command\"\n[run]\nretries = 1\nretry_delay = \"1ms\"\n"
         "[sources.s]\nplugin = \"probe_source\"\npartitions = 3\n" +
         source + "\n[sinks.db]\nplugin = \"probe_exclusive\"\ninput = \"s\"\n" + sink + "\n";
}
std::string fails(const std::string& how, const std::string& point) {
  return "fail = \"" + how + "\"\nfail_at = \"" + point + "\"\n";
}

class CommandTest : public testing::Test {
 protected:
  /// `etl VERB p.toml ... --plugin-dir PROBE` on this pipeline.
  Ended verb(const std::string& name, const std::string& text,
             const std::vector<std::string>& more = {}, EtlProcess::Setting setting = {}) {
    std::vector<std::string> arguments = {name, folder_.file("p.toml", text).string(),
                                          "--plugin-dir", folder_of("probe")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_etl(arguments, std::move(setting));
  }
  TempFolder folder_;
};

// ---- exit codes and JSON -----------------------------------------------------------------------

struct Case {
  const char* name;
  const char* verb;
  std::string source, sink;
  int code;
  const char* key;   ///< of the document on stdout
  const char* text;  ///< in what is said of it
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class OutcomeTest : public testing::TestWithParam<Case> {};

TEST_P(OutcomeTest, HasItsExitCodeAndOneDocumentOnStdout) {
  const Case& one = GetParam();
  const TempFolder folder;
  const fs::path file = folder.file("p.toml", pipeline(one.source, one.sink));
  const Ended ended =
      run_etl({one.verb, file, "--plugin-dir", folder_of("probe"), "--format", "json"});
  EXPECT_EQ(ended.code, one.code) << ended.err;
  EXPECT_THAT(ended.json(), Contains(testing::_));
  EXPECT_TRUE(ended.json().contains(one.key)) << ended.out;
  EXPECT_THAT(ended.out + ended.err, HasSubstr(one.text));
  // The same without JSON: what is wrong is on stderr.
  const Ended plain = run_etl({one.verb, file, "--plugin-dir", folder_of("probe")});
  EXPECT_EQ(plain.code, one.code) << plain.err;
  EXPECT_THAT(plain.out + plain.err, HasSubstr(one.text));
}

INSTANTIATE_TEST_SUITE_P(
    Run, OutcomeTest,
    testing::Values(Case{"Done", "run", "", "", ok, "partitions", "ok"},
                    Case{"Failed", "run", fails("permanent", "read"), "", failed, "failures",
                         "ordered to fail at read"},
                    Case{"UnknownOption", "run", "rowz = 1", "", config, "diagnostics", "rowz"},
                    Case{"Construct", "run", "", fails("config", "construct"), config,
                         "diagnostics", "ordered to fail at construct"},
                    Case{"Inspect", "run", "", fails("config", "inspect"), config, "diagnostics",
                         "ordered to fail at inspect"},
                    Case{"Prepare", "run", "", fails("config", "prepare"), config, "error",
                         "ordered to fail at prepare"},
                    Case{"PlanTransient", "run", fails("transient", "plan"), "", failed, "error",
                         "ordered to fail at plan"},
                    Case{"PlanInternal", "run", "same_id = true", "", internal, "error", "twice"},
                    Case{"Unreachable", "run", "", fails("transient", "prepare"), failed,
                         "failures", "ordered to fail at prepare"}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    OtherVerbs, OutcomeTest,
    testing::Values(Case{"Plan", "plan", "", "", ok, "partitions", "p2"},
                    Case{"PlanUnreachable", "plan", "", fails("transient", "inspect"), ok,
                         "targets", "ordered to fail at inspect"},
                    Case{"PlanFails", "plan", fails("permanent", "plan"), "", failed, "error",
                         "ordered to fail at plan"},
                    Case{"PlanConfig", "plan", "", fails("config", "inspect"), config,
                         "diagnostics", "ordered to fail at inspect"},
                    Case{"Validate", "validate", "", "", ok, "files", "p.toml"},
                    Case{"ValidateUnreachable", "validate", "", fails("transient", "inspect"), ok,
                         "files", "the target was not checked"},
                    Case{"ValidateConfig", "validate", "", fails("config", "check"), config,
                         "files", "ordered to fail at check"},
                    Case{"Preview", "preview", "", "", ok, "rows", "colour"},
                    Case{"PreviewFails", "preview", fails("permanent", "read"), "", failed, "error",
                         "ordered to fail at read"},
                    Case{"PreviewDefect", "preview", fails("throw", "read"), "", internal, "error",
                         "ordered to fail at read"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(CommandTest, WrongCommandLines) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"walk"},
                                             {"run"},
                                             {"run", "a.toml", "b.toml"},
                                             {"run", "a.toml", "--format", "yaml"},
                                             {"run", "a.toml", "--workers", "-1"},
                                             {"run", "a.toml", "--limit", "many"},
                                             {"state", "a.toml"},
                                             {"state", "a.toml", "remember", "*"},
                                             {"preview", "a.toml", "--rows", "0"}}) {
    const Ended ended = run_etl(arguments);
    EXPECT_EQ(ended.code, usage) << ended.err;
    EXPECT_THAT(ended.out, IsEmpty());
    EXPECT_THAT(ended.err, Not(IsEmpty()));
  }
}

TEST_F(CommandTest, AFileThatCannotBeRead) {
  const Ended ended = run_etl({"run", (folder_.path() / "none.toml").string(), "--format", "json"});
  EXPECT_EQ(ended.code, config);
  EXPECT_THAT(ended.json()["diagnostics"][0]["file"].get<std::string>(), HasSubstr("none.toml"));
}

TEST_F(CommandTest, AnUnknownStageToPreview) {
  const Ended ended = verb("preview", pipeline(), {"--stage", "sauce", "--format", "json"});
  EXPECT_EQ(ended.code, config);
  EXPECT_THAT(ended.json()["error"]["message"].get<std::string>(),
              HasSubstr("--stage: there is no stage \"sauce\""));
}

TEST_F(CommandTest, ForgettingWhereThereIsNoLedger) {
  const std::string text =
      "name = \"command\"\n[sources.s]\nplugin = \"probe_source\"\npartitions = 3\n"
      "[sinks.loose]\nplugin = \"probe_append\"\ninput = \"s\"\n";
  Ended ended = verb("state", text, {"forget", "*", "--format", "json"});
  EXPECT_EQ(ended.code, config);
  EXPECT_THAT(ended.json()["error"]["message"].get<std::string>(),
              HasSubstr("no sink of this pipeline keeps a ledger"));
  ended = verb("state", text, {"forget", "*", "--sink", "loose"});
  EXPECT_EQ(ended.code, config);
  EXPECT_THAT(ended.err, HasSubstr("sink \"loose\" keeps no ledger"));
  ended = verb("plan", text, {"--format", "json"});
  EXPECT_EQ(ended.json()["partitions"][0]["sinks"]["loose"]["reason"], "no ledger");
  EXPECT_THAT(verb("plan", text).out, HasSubstr("the sink keeps no ledger: every run loads it"));
}

TEST_F(CommandTest, ForgettingInASinkThatCannot) {
  const Ended ended = verb("state", pipeline(), {"forget", "*", "--format", "json"});
  EXPECT_EQ(ended.code, failed);
  EXPECT_THAT(ended.json()["partitions"], IsEmpty());
  EXPECT_EQ(ended.json()["untouched_sinks"][0]["sink"], "db");
  EXPECT_THAT(ended.json()["untouched_sinks"][0]["error"].get<std::string>(),
              HasSubstr("cannot forget partitions"));
  const Ended plain = verb("state", pipeline(), {"forget", "*"});
  EXPECT_EQ(plain.code, failed);
  EXPECT_THAT(plain.out, HasSubstr("nothing was forgotten in sink \"db\""));
}

// ---- plugins -----------------------------------------------------------------------------------

std::vector<std::string> stage_names(const Ended& ended) {
  std::vector<std::string> names;
  const nlohmann::json document = ended.json();
  for (const nlohmann::json& stage : document["stages"]) names.push_back(stage["name"]);
  return names;
}

TEST_F(CommandTest, PluginsSaysWhatWasRefusedAndWhy) {
  const Ended ended = run_etl({"plugins", "--format", "json", "--plugin-dir",
                               folder_of("newer_minor"), "--plugin-dir", folder_of("probe")});
  EXPECT_EQ(ended.code, ok);
  EXPECT_THAT(stage_names(ended), Contains("probe_source"));
  ASSERT_EQ(ended.json()["refused"].size(), 1U);
  EXPECT_EQ(ended.json()["refused"][0]["file"], test_plugin("newer_minor").string());
  EXPECT_EQ(ended.json()["refused"][0]["reason"],
            fs::canonical(test_plugin("newer_minor")).string() +
                ": needs ABI 1.9, this etl has 1.0 (plugin built with g++ 14.1, etl-sdk 1.9): "
                "upgrade etl or rebuild the plugin against this one");
  const Ended plain = run_etl({"plugins", "--plugin-dir", folder_of("newer_minor")});
  EXPECT_THAT(plain.err, HasSubstr("needs ABI 1.9, this etl has 1.0"));
}

TEST_F(CommandTest, ValidateSaysWhereAStageWasLookedFor) {
  const fs::path file = folder_.file("p.toml", pipeline());
  const Ended ended = run_etl({"validate", file, "--plugin-dir", folder_of("missing_library")});
  EXPECT_EQ(ended.code, config);
  EXPECT_THAT(ended.err, HasSubstr("unknown plugin \"probe_source\" in source \"s\""));
  EXPECT_THAT(ended.err, HasSubstr("searched " + folder_of("missing_library") +
                                   " (--plugin-dir): 0 loaded, 1 refused"));
  EXPECT_THAT(ended.err, HasSubstr("libfixture_elsewhere.so: cannot open shared object file"));
  EXPECT_THAT(ended.err, Not(HasSubstr("\xEF\xBF\xBD")));
}

TEST_F(CommandTest, AClashIsAnErrorOfTheInstallation) {
  const Ended ended = run_etl({"plugins", "--format", "json", "--plugin-dir",
                               folder_of("clash_one"), "--plugin-dir", folder_of("clash_other")});
  EXPECT_EQ(ended.code, config);
  EXPECT_THAT(ended.json()["error"]["message"].get<std::string>(),
              testing::AllOf(HasSubstr("clash_one.so"), HasSubstr("clash_other.so")));
}

TEST_F(CommandTest, PluginsAreNeverLookedForInTheCurrentFolder) {
  fs::copy_file(test_plugin("complete_source"), folder_.path() / "complete_source.so");
  fs::permissions(folder_.path() / "complete_source.so", fs::perms::owner_all);
  fs::create_directories(folder_.path() / "lib/etl");
  fs::copy(folder_of("complete_source"), folder_.path() / "lib/etl/plugins");
  EtlProcess::Setting here;
  here.folder = folder_.path();
  EXPECT_THAT(stage_names(run_etl({"plugins", "--format", "json"}, here)), Not(Contains("broken")));
  here.environment["ETL_PLUGIN_PATH"] = "";
  EXPECT_THAT(stage_names(run_etl({"plugins", "--format", "json"}, here)), Not(Contains("broken")));
  for (const char* relative : {".", "plugins", "lib/etl/plugins"}) {
    here.environment["ETL_PLUGIN_PATH"] = relative;
    const Ended ended = run_etl({"plugins", "--format", "json"}, here);
    EXPECT_EQ(ended.code, config);
    EXPECT_EQ(ended.json()["error"]["message"],
              std::string("$ETL_PLUGIN_PATH: \"") + relative + "\" is not an absolute path");
  }
}

TEST_F(CommandTest, PluginsAreFoundByTheEnvironment) {
  EtlProcess::Setting setting;
  setting.environment["ETL_PLUGIN_PATH"] = "/nowhere:" + folder_of("complete_source");
  EXPECT_THAT(stage_names(run_etl({"plugins", "--format", "json"}, setting)), Contains("broken"));
}

TEST_F(CommandTest, PluginsAreFoundBesideTheExecutable) {
  fs::create_directories(folder_.path() / "bin");
  fs::create_directories(folder_.path() / "lib/etl/plugins");
  fs::copy_file(TEST_ETL, folder_.path() / "bin/etl");
  fs::copy_file(test_plugin("complete_source"), folder_.path() / "lib/etl/plugins/a.so");
  for (const char* name : {"lib/etl/plugins", "lib/etl/plugins/a.so"}) {
    fs::permissions(folder_.path() / name, fs::perms::owner_all);
  }
  EtlProcess::Setting moved;
  moved.binary = folder_.path() / "bin/etl";
  EXPECT_THAT(stage_names(run_etl({"plugins", "--format", "json"}, moved)),
              testing::ElementsAre("broken"));
}

TEST_F(CommandTest, DescribeTakesAFile) {
  const Ended ended =
      run_etl({"describe", test_plugin("complete_source").string(), "--format", "json"});
  EXPECT_EQ(ended.code, ok);
  EXPECT_EQ(ended.json()[0]["name"], "broken");
  const Ended refused =
      run_etl({"describe", test_plugin("bad_magic").string(), "--format", "json"});
  EXPECT_EQ(refused.code, config);
  EXPECT_THAT(refused.json()["error"]["message"].get<std::string>(),
              HasSubstr("damaged plugin header"));
}

// ---- report ------------------------------------------------------------------------------------

TEST_F(CommandTest, TheReportIsTheSummary) {
  const fs::path report = folder_.path() / "report.json";
  const Ended ended = verb("run", pipeline(), {"--format", "json", "--report", report});
  EXPECT_EQ(ended.code, ok) << ended.err;
  EXPECT_EQ(nlohmann::json::parse(read_text(report)), ended.json());
  EXPECT_FALSE(fs::exists(folder_.path() / "report.json.partial"));
}

TEST_F(CommandTest, AReportThatCannotBeWrittenIsSaidBeforeDataMoves) {
  const fs::path go = folder_.path() / "go";
  const std::string hold = "hold_at = \"read\"\nhold = \"" + go.string() + "\"\n";
  for (const char* report : {"none/report.json", "."}) {
    const Ended ended = verb("run", pipeline(hold),
                             {"--format", "json", "--report", (folder_.path() / report).string()});
    EXPECT_EQ(ended.code, config);
    EXPECT_THAT(ended.json()["error"]["message"].get<std::string>(),
                HasSubstr("--report: cannot write " + (folder_.path() / report).string()));
    EXPECT_FALSE(fs::exists(folder_.path() / "go.reached"));
  }
}

TEST_F(CommandTest, AReportLostDuringTheRunCostsNoSummary) {
  const fs::path go = folder_.path() / "go";
  fs::create_directory(folder_.path() / "reports");
  const std::string hold = "hold_at = \"read\"\nhold = \"" + go.string() + "\"\n";
  const fs::path file = folder_.file("p.toml", pipeline(hold));
  const fs::path report = folder_.path() / "reports/report.json";
  EtlProcess process(
      {"run", file, "--plugin-dir", folder_of("probe"), "--format", "json", "--report", report});
  ASSERT_TRUE(runtime_test::wait_until([&] { return fs::exists(folder_.path() / "go.reached"); }));
  fs::remove_all(folder_.path() / "reports");
  std::ofstream(go).put('\n');
  const Ended ended = process.wait();
  EXPECT_EQ(ended.code, failed);
  EXPECT_EQ(ended.json()["status"], "ok");
  EXPECT_EQ(ended.json()["partitions"]["done"], 3);
  EXPECT_THAT(ended.err, HasSubstr("cannot write " + report.string()));
}

TEST_F(CommandTest, AReportToADeviceLeavesTheDevice) {
  const fs::path fifo = folder_.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  std::string text;
  std::thread reader([&] { text = read_text(fifo); });
  const Ended ended = verb("run", pipeline(), {"--format", "json", "--report", fifo});
  if (!fs::is_fifo(fifo)) std::ofstream(folder_.path() / "fifo");  // lets nobody wait
  reader.join();
  EXPECT_EQ(ended.code, ok) << ended.err;
  EXPECT_TRUE(fs::is_fifo(fifo)) << "a report must not replace what is no file";
  EXPECT_EQ(nlohmann::json::parse(text), ended.json());
}

// ---- what must not come out --------------------------------------------------------------------

TEST_F(CommandTest, SecretsComeOutNowhere) {
  const std::string secret = "token = \"hunter22\"\n";
  const fs::path report = folder_.path() / "report.json";
  const std::vector<std::pair<std::string, std::string>> pipelines = {
      {fails("permanent", "read") + secret, ""},    {fails("permanent", "plan") + secret, ""},
      {fails("config", "construct") + secret, ""},  {"", fails("config", "construct") + secret},
      {"", fails("config", "check") + secret},      {"", fails("config", "inspect") + secret},
      {"", fails("transient", "inspect") + secret}, {"", fails("transient", "prepare") + secret},
      {"", fails("permanent", "commit") + secret}};
  for (const auto& [source, sink] : pipelines) {
    for (const char* name : {"run", "plan", "validate", "preview"}) {
      for (const char* format : {"json", "text"}) {
        std::vector<std::string> more = {"--format", format, "--log-level", "debug"};
        if (std::string(name) == "run") more.insert(more.end(), {"--report", report});
        const Ended ended = verb(name, pipeline(source, sink), more);
        EXPECT_THAT(ended.out, Not(HasSubstr("hunter22"))) << name << source << sink;
        EXPECT_THAT(ended.err, Not(HasSubstr("hunter22"))) << name << source << sink;
        EXPECT_THAT(read_text(report), Not(HasSubstr("hunter22")));
      }
    }
  }
}

TEST_F(CommandTest, NothingSteersTheTerminal) {
  const std::string say = "say = \"\\u001b]0;owned\\u0007\"\n";
  for (const auto& [source, sink] : std::vector<std::pair<std::string, std::string>>{
           {fails("permanent", "read") + say, ""},
           {fails("permanent", "plan") + say, ""},
           {"", fails("config", "inspect") + say},
           {"", fails("transient", "inspect") + say}}) {
    for (const char* name : {"run", "plan", "validate", "preview"}) {
      const Ended ended = verb(name, pipeline(source, sink));
      EXPECT_THAT(ended.out + ended.err, Not(HasSubstr("\x1b"))) << name;
      EXPECT_THAT(ended.out + ended.err, Not(HasSubstr("\x07"))) << name;
    }
  }
}

TEST_F(CommandTest, JsonLogsAreALineEach) {
  const Ended ended = verb("run", pipeline(fails("transient", "read")),
                           {"--log-format", "json", "--progress", "json", "--log-level", "debug"});
  std::istringstream lines(ended.err);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_FALSE(nlohmann::json::parse(line, nullptr, false).is_discarded()) << line;
  }
  EXPECT_THAT(ended.err, HasSubstr("attempt 1 of 2"));
}

TEST_F(CommandTest, AResultThatCannotBeWrittenIsAnError) {
  EtlProcess::Setting setting;
  setting.out = "/dev/full";
  for (const char* name : {"run", "plan", "validate", "preview"}) {
    const Ended ended = verb(name, pipeline(), {}, setting);
    EXPECT_EQ(ended.code, failed) << name;
    EXPECT_THAT(ended.err, HasSubstr("cannot write the result: No space left on device")) << name;
  }
  EXPECT_EQ(run_etl({"plugins"}, setting).code, failed);
}

// ---- plan --------------------------------------------------------------------------------------

TEST_F(CommandTest, PlanOfASinkThatSaysNothingOfItsTarget) {
  const std::string text =
      "name = \"mute\"\n[sources.s]\nplugin = \"probe_source\"\n"
      "[sinks.db]\nplugin = \"probe_mute\"\ninput = \"s\"\n";
  const Ended plain = verb("plan", text);
  EXPECT_EQ(plain.code, ok);
  EXPECT_THAT(plain.out, HasSubstr("sink \"db\" does not describe its target\n"));
  EXPECT_THAT(plain.out, HasSubstr("at-least-once"));
  EXPECT_TRUE(verb("plan", text, {"--format", "json"}).json()["targets"][0]["exists"].is_null());
}

TEST_F(CommandTest, PlanShowsWhatIsToBeCreated) {
  const Ended ended = verb("plan", pipeline("", "exists = false"));
  EXPECT_THAT(ended.out, HasSubstr("writes store store, to be created:\nCREATE STORE store;\n"));
}

TEST_F(CommandTest, ValidateTakesSeveralFiles) {
  const fs::path good = folder_.file("good.toml", pipeline());
  const fs::path bad = folder_.file("bad.toml", pipeline("rowz = 1"));
  const Ended ended =
      run_etl({"validate", good, bad, "--plugin-dir", folder_of("probe"), "--format", "json"});
  EXPECT_EQ(ended.code, config);
  EXPECT_EQ(ended.json()["valid"], false);
  EXPECT_EQ(ended.json()["files"][0]["valid"], true);
  EXPECT_EQ(ended.json()["files"][1]["valid"], false);
}

}  // namespace
