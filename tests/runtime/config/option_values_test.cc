#include "core/runtime/config/option_values.hpp"

#include "core/runtime/config/pipeline_file.hpp"
#include "stages.hpp"
#include "tests/support/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>

namespace {

using namespace etl::runtime;
using testing::ElementsAre;

constexpr auto now = std::chrono::sys_days(std::chrono::year(2024) / 3 / 1);

struct Checked {
  Diagnostics diagnostics;
  std::unique_ptr<OptionValues> values;
  std::string definition;
};

/// Checks one stage; `body` is the TOML below its header.
std::unique_ptr<Checked> check(std::string_view plugin, const std::string& body,
                               std::vector<std::string> set = {},
                               const std::string& folder = "/data") {
  auto out = std::make_unique<Checked>();
  LoadRequest request;
  request.path = folder + "/p.toml";
  request.set = std::move(set);
  request.environment = [](const std::string& name) -> std::optional<std::string> {
    return name == "SEVEN" ? std::optional<std::string>("7") : std::nullopt;
  };
  const std::string text = "name = 'x'\n[sinks.d]\nplugin = '" + std::string(plugin) +
                           "'\ninput = 's'\n" + body + "\n[sources.s]\nplugin = 'bare'\n";
  const auto file = parse_pipeline(text, request, out->diagnostics);
  EXPECT_TRUE(file.has_value()) << out->diagnostics.text(false);
  const OptionContext context{file->folder, now};
  out->values =
      check_options(file->stages.at(0), config_test::table_of(plugin), context, out->diagnostics);
  if (out->values != nullptr) out->definition = out->values->definition();
  return out;
}

TEST(OptionValues, HaveTheirDeclaredTypes) {
  const auto checked = check("pages", R"(
start = 2024-01-31T12:00:00.25+01:00
end = "-6h"
columns = ["title", "hour"]
connections = 3
share = 2
timeout = "5m"
chunk = "64KB"
keep_files = true
cache_dir = "../cache//x/."
base_url = "file:///pages"
contact = "me")");
  ASSERT_NE(checked->values, nullptr) << checked->diagnostics.text(false);
  const etl::Options options(checked->values->values());
  EXPECT_EQ(options.get<etl::Time>("start").time_since_epoch().count(), 1'706'698'800'250'000);
  EXPECT_EQ(options.get<etl::Time>("end"), now - std::chrono::hours(6));
  EXPECT_THAT(options.get<etl::Strings>("columns"), ElementsAre("title", "hour"));
  EXPECT_EQ(options.get<std::int64_t>("connections"), 3);
  EXPECT_EQ(options.get<double>("share"), 2.0);
  EXPECT_EQ(options.get<etl::Duration>("timeout"), std::chrono::minutes(5));
  EXPECT_EQ(options.get<etl::Bytes>("chunk").count, 64'000);
  EXPECT_TRUE(options.get<bool>("keep_files"));
  EXPECT_EQ(options.get<etl::Path>("cache_dir").text, "/cache/x/");
  EXPECT_EQ(options.get<etl::Url>("base_url").text, "file:///pages");
  EXPECT_EQ(options.get<std::string>("contact"), "me");
  EXPECT_TRUE(options.given("contact"));
}

TEST(OptionValues, DefaultsComeFromTheTable) {
  const auto checked = check("pages", "start = 2024-01-31");
  ASSERT_NE(checked->values, nullptr);
  const etl::Options options(checked->values->values());
  EXPECT_FALSE(options.given("columns"));
  EXPECT_THAT(options.get<etl::Strings>("columns"), ElementsAre("hour", "title"));
  EXPECT_EQ(options.get<etl::Duration>("timeout"), std::chrono::seconds(30));
  EXPECT_EQ(options.find<etl::Time>("end"), std::nullopt);  // no default: absent
  EXPECT_EQ(options.find<etl::Path>("cache_dir"), std::nullopt);
}

TEST(OptionValues, KnowWhereTheyWereGiven) {
  const auto checked = check("pages", "start = 2024-01-31", {"d.connections=1"});
  ASSERT_NE(checked->values, nullptr);
  ASSERT_NE(checked->values->position("start"), nullptr);
  EXPECT_EQ(*checked->values->position("start"), (Position{"/data/p.toml", 5, 9, 10}));
  EXPECT_EQ(*checked->values->position("connections"), (Position{"--set d.connections", 0, 0, 1}));
  EXPECT_EQ(checked->values->position("columns"), nullptr);
  EXPECT_EQ(checked->values->position("no such"), nullptr);
}

TEST(OptionValues, DefinitionIsThatOfTheValues) {
  const std::string one =
      check("pages", "start = '-60m'\nchunk = 1048576\nshare = 1\ncache_dir = 'a/../b'")
          ->definition;
  EXPECT_EQ(one,
            "base_url=\"https://example.org/pages\"\n"
            "cache_dir=\"b\"\n"
            "chunk=1048576\n"
            "columns=[\"hour\",\"title\"]\n"
            "share=1\n"
            "start=now-3600000ms\n");
  // Spelled differently, in another order, with explicit defaults and other operational options.
  EXPECT_EQ(one, check("pages",
                       "cache_dir = './b'\nconnections = 3\nchunk = '1024KiB'\nend = 'now'\n"
                       "columns = [ 'hour' , 'title' ]\nstart='-1h'\nshare = 1.0e0")
                     ->definition);
  // Also in another folder.
  EXPECT_EQ(
      one,
      check("pages", "start = '-60m'\ncache_dir = '/elsewhere/b'", {}, "/elsewhere")->definition);
  EXPECT_NE(one, check("pages", "start = '-60m'\ncache_dir = '/elsewhere/b'")->definition);
}

TEST(OptionValues, DefinitionTellsDifferentValuesApart) {
  const auto lists = [](const std::string& list) {
    return check("language", "codes = " + list)->definition;
  };
  EXPECT_NE(lists("['a','b']"), lists("['a,b']"));
  EXPECT_NE(lists("['a','b']"), lists("['b','a']"));
  EXPECT_NE(lists(R"(['a\"', 'b'])"), lists(R"(['a', '\"b'])"));
  EXPECT_NE(lists("[]"), lists("['']"));
  EXPECT_NE(lists(R"(["x\ncolumn=1"])"), lists(R"(["x\\ncolumn=1"])"));
  EXPECT_EQ(lists(R"(["a\nb"])").find("\nb"), std::string::npos);
}

TEST(OptionValues, AMapIsInTheOrderOfTheFile) {
  const etl::StringMap expected = {{"views", "sum"}, {"a.b", "max"}, {"7", "min"}};
  const std::string canonical = R"(combine={"views"="sum","a.b"="max","7"="min"})"
                                "\n";
  for (const char* body : {"combine = { views = 'sum', 'a.b' = 'max', 7 = 'min' }",
                           "combine.views = 'sum'\ncombine.'a.b' = 'max'\ncombine.7 = 'min'",
                           "[sinks.d.combine]\nviews = 'sum'\n'a.b' = 'max'\n7 = 'min'"}) {
    const auto checked = check("totals", body);
    ASSERT_NE(checked->values, nullptr) << checked->diagnostics.text(false);
    EXPECT_EQ(etl::Options(checked->values->values()).get<etl::StringMap>("combine"), expected);
    EXPECT_EQ(checked->definition, canonical);
  }
  EXPECT_EQ(check("totals", "combine = {}")->definition, "combine={}\n");
  EXPECT_EQ(check("totals", "")->definition, "") << "no default: absent";
}

TEST(OptionValues, SetReplacesEntriesOfAMap) {
  const auto entries = [](const std::string& body, std::vector<std::string> set) {
    const auto checked = check("totals", body, std::move(set));
    EXPECT_NE(checked->values, nullptr) << checked->diagnostics.text(false);
    return etl::Options(checked->values->values()).get<etl::StringMap>("combine");
  };
  EXPECT_EQ(entries("combine = { views = 'sum' }", {"d.combine.views=max", "d.combine.a.b=min"}),
            (etl::StringMap{{"views", "max"}, {"a.b", "min"}}));
  EXPECT_EQ(entries("", {"d.combine.views=sum"}), (etl::StringMap{{"views", "sum"}}));
  EXPECT_EQ(entries("combine = { views = 'sum' }", {"d.combine={ n = 'min' }"}),
            (etl::StringMap{{"n", "min"}}));
}

TEST(OptionValues, MistakesInAMapNameTheKey) {
  const auto mistake = [](const std::string& body, std::vector<std::string> set = {}) {
    const auto checked = check("totals", body, std::move(set));
    EXPECT_EQ(checked->values, nullptr);
    EXPECT_EQ(checked->diagnostics.all().size(), 1U);
    const Diagnostic& first = checked->diagnostics.all().front();
    return std::to_string(first.position.line) + ": " + first.message;
  };
  const std::string option = "option \"combine\" in sink \"d\" ";
  EXPECT_EQ(mistake("combine = 'sum'"),
            "5: " + option + "must be a table of strings, not the string \"sum\"");
  EXPECT_EQ(mistake("[sinks.d.combine]\nn = 'min'\nviews = 'summ'"),
            "7: " + option + "(key \"views\") cannot be \"summ\"");
  EXPECT_EQ(mistake("combine = { n = 3 }"),
            "5: " + option + "(key \"n\") must be a string, not the integer 3");
  EXPECT_EQ(mistake("combine = { n = '${NOT_SET}' }"),
            "5: environment variable \"NOT_SET\" is not set, in \"n\" of sink \"d\"");
  EXPECT_EQ(mistake("", {"d.combine.n=1"}), "0: " + option + "(key \"n\") cannot be \"1\"");
  EXPECT_EQ(mistake("", {"d.nothing.n=1"}), "0: unknown option \"nothing\" in sink \"d\"");
}

TEST(OptionValues, OnlyTheValuesOfASecretMapAreSecret) {
  const auto checked = check("totals", "headers = { Authorization = 'hunter2' }");
  ASSERT_NE(checked->values, nullptr);
  EXPECT_THAT(checked->values->secrets(), ElementsAre("hunter2"));
  EXPECT_EQ(checked->definition.find("hunter2"), std::string::npos);
}

TEST(OptionValues, DefinitionDependsOnTheContentOfAFileIfTheOptionSaysSo) {
  const etl_test::TemporaryFolder folder;
  constexpr auto table = etl::options(etl::optional<etl::Path>("list", "", "A list.").by_content());
  Diagnostics diagnostics;
  const auto definition = [&](const std::string& path) -> std::string {
    const std::vector<RawOption> given = {
        {.name = "list", .key = {}, .value = {}, .data = RawValue(path)}};
    const auto values = check_options(OptionOwner{"stage", {}, nullptr}, given, table,
                                      OptionContext{folder.path(), now}, diagnostics);
    if (values == nullptr) return "none";
    EXPECT_EQ(etl::Options(values->values()).get<etl::Path>("list").text, folder.path() / path);
    return values->definition();
  };
  etl_test::write_file(folder.path() / "a", "fr\n");
  etl_test::write_file(folder.path() / "b", "fr\n");
  const std::string before = definition("a");
  EXPECT_TRUE(before.starts_with("list=content:")) << before;
  EXPECT_EQ(definition("b"), before);
  etl_test::write_file(folder.path() / "a", "fr\nde\n");
  EXPECT_NE(definition("a"), before);
  EXPECT_EQ(diagnostics.text(false), "");
  EXPECT_EQ(definition("c"), "none");
  EXPECT_EQ(definition("."), "none");
  EXPECT_THAT(diagnostics.text(false), testing::HasSubstr("is not a file that can be read"));
}

TEST(OptionValues, SecretsAreKnownButNotShown) {
  const auto checked =
      check("postgres", "dsn = 'hunter2'\npin = 'swordfish'\ndoor = 5\ntable = 't'");
  ASSERT_NE(checked->values, nullptr);
  EXPECT_THAT(checked->values->secrets(), ElementsAre("hunter2", "swordfish", "5"));
  EXPECT_EQ(checked->definition.find("swordfish"), std::string::npos);
  EXPECT_EQ(checked->definition.find("dsn"), std::string::npos);  // operational
  const auto pin = [](const std::string& value) {
    return check("postgres", "dsn = 'x'\ntable = 't'\npin = '" + value + "'")->definition;
  };
  EXPECT_NE(pin("swordfish"), pin("swordfist"));
  EXPECT_EQ(pin("swordfish"), pin("swordfish"));
  EXPECT_TRUE(check("postgres", "dsn = ''\ntable = 't'")->values->secrets().empty());
}

TEST(OptionValues, NoSecretInAnyDiagnostic) {
  for (const char* body :
       {"dsn = ['hunter2']", "dsn = {hunter2 = 'hunter2'}", "dns = 'hunter2'",
        "dsn = \"hunter2\\u0000\"", "pin = 2\ndsn = '''\nhunter2''' ; x",
        "dsn = 'x'\npin = 'hunter2${'", "door = 'hunter2'", "dsn = 'hunter2' \nDSN = 'hunter2'",
        "dsn = '${NOT_SET_?hunter2}'", "password = 'hunter2", "token = hunter2",
        "d.dsn = [\n'a',\n'hunter2' ]"}) {
    Diagnostics diagnostics;
    LoadRequest request;
    request.path = "/p.toml";
    request.environment = [](const std::string&) { return std::nullopt; };
    const std::string text =
        "name = 'x'\n[sources.s]\nplugin='bare'\n[sinks.d]\ninput='s'\nplugin='postgres'\n";
    const auto file = parse_pipeline(text + body, request, diagnostics);
    if (file) {
      (void)check_options(file->stages.at(1), config_test::postgres_options, {"/", now},
                          diagnostics);
    }
    EXPECT_TRUE(diagnostics.failed()) << body;
    // The key of a nested table is not a value.
    std::string out = diagnostics.text(true) + diagnostics.json().dump();
    EXPECT_EQ(out.find("hunter2"), std::string::npos) << out;
  }
}

TEST(OptionValues, InterpolatedTextIsConverted) {
  const auto checked =
      check("pages", "start = '-${SEVEN}d'\nchunk = '${SEVEN}000'\nshare = '${SEVEN}'");
  ASSERT_NE(checked->values, nullptr) << checked->diagnostics.text(false);
  const etl::Options options(checked->values->values());
  EXPECT_EQ(options.get<etl::Time>("start"), now - std::chrono::days(7));
  EXPECT_EQ(options.get<etl::Bytes>("chunk").count, 7000);
  EXPECT_EQ(options.get<double>("share"), 7.0);
}

TEST(OptionValues, BoundsAreInclusive) {
  for (const auto& [connections, fits] :
       std::map<int, bool>{{0, false}, {1, true}, {3, true}, {4, false}}) {
    const auto checked =
        check("pages", "start = 2024-01-31\nconnections = " + std::to_string(connections));
    EXPECT_EQ(checked->values != nullptr, fits) << connections;
  }
}

TEST(OptionValues, OpenBoundsAreSaidSo) {
  constexpr auto table = etl::options(etl::optional<std::int64_t>("low", "1", "")
                                          .between(1, std::numeric_limits<std::int64_t>::max()),
                                      etl::optional<etl::Bytes>("high", "1", "")
                                          .between(std::numeric_limits<std::int64_t>::min(), 1024));
  const Position place{"f", 1, 1, 1};
  const RawOption low{"low", place, place, std::int64_t{0}};
  const RawOption high{"high", place, place, std::int64_t{1025}};
  Diagnostics diagnostics;
  EXPECT_EQ(check_options({"x", place, {}}, std::vector{low, high}, table, {}, diagnostics),
            nullptr);
  ASSERT_EQ(diagnostics.all().size(), 2U);
  EXPECT_EQ(diagnostics.all()[0].message, "option \"low\" in x must be at least 1, but is 0");
  EXPECT_EQ(diagnostics.all()[1].message,
            "option \"high\" in x must be at most 1KiB, but is 1025B");
}

TEST(OptionValues, PathsOfSetBelongToTheWorkingFolder) {
  const auto here = std::filesystem::current_path();
  const auto checked = check("sqlite", "path = 'a.db'\ntable = 't'");
  EXPECT_EQ(etl::Options(checked->values->values()).get<etl::Path>("path").text, "/data/a.db");
  const auto set = check("sqlite", "path = 'a.db'\ntable = 't'", {"d.path=out/../b.db"});
  EXPECT_EQ(etl::Options(set->values->values()).get<etl::Path>("path").text,
            (here / "b.db").string());
}

TEST(OptionValues, ARequiredPathOrUrlMustNotBeEmpty) {
  static constexpr auto table =
      etl::options(etl::required<etl::Path>("path", "A file."), etl::required<etl::Url>("url", ""));
  const Position place{"f", 1, 1, 1};
  const RawOption path{"path", place, {"f", 3, 8, 1}, std::string()};
  const RawOption url{"url", place, place, std::string()};
  Diagnostics diagnostics;
  EXPECT_EQ(check_options({"x", place, {}}, std::vector{path, url}, table, {}, diagnostics),
            nullptr);
  ASSERT_EQ(diagnostics.all().size(), 2U);
  EXPECT_EQ(diagnostics.all()[0].message, "option \"path\" in x is empty");
  EXPECT_EQ(diagnostics.all()[0].position.line, 3);
  EXPECT_EQ(diagnostics.all()[1].message, "option \"url\" in x is empty");
}

TEST(OptionValues, AnEmptyPathStaysEmpty) {
  const auto checked = check("pages", "start = 2024-01-31\ncache_dir = '${NO:-}'");
  ASSERT_NE(checked->values, nullptr);
  EXPECT_EQ(etl::Options(checked->values->values()).get<etl::Path>("cache_dir").text, "");
}

TEST(OptionValues, SetTakesNumbersForText) {
  const auto checked = check("sqlite", "path = 'a.db'",
                             {"d.table=007", "d.path=1e5", "d.mode='upsert'", "d.key=['k']"});
  ASSERT_NE(checked->values, nullptr) << checked->diagnostics.text(false);
  const etl::Options options(checked->values->values());
  EXPECT_EQ(options.get<std::string>("table"), "007");
  EXPECT_EQ(options.get<etl::Path>("path").text,
            (std::filesystem::current_path() / "1e5").string());
  EXPECT_EQ(options.get<std::string>("mode"), "upsert");
  EXPECT_THAT(options.get<etl::Strings>("key"), ElementsAre("k"));
}

}  // namespace
