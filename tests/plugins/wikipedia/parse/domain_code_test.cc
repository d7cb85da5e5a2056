#include "plugins/wikipedia/parse/domain_code.hpp"

#include <gtest/gtest.h>

namespace wikipedia {
namespace {

struct Case {
  std::string_view code, language, project, access;
};

TEST(DomainCode, Grammar) {
  const Case cases[] = {
      {"fr", "fr", "wikipedia", "desktop"},
      {"fr.m", "fr", "wikipedia", "mobile"},
      {"fr.zero", "fr", "wikipedia", "mobile"},
      {"fr.b", "fr", "wikibooks", "desktop"},
      {"fr.d", "fr", "wiktionary", "desktop"},
      {"fr.n", "fr", "wikinews", "desktop"},
      {"fr.q", "fr", "wikiquote", "desktop"},
      {"fr.s", "fr", "wikisource", "desktop"},
      {"fr.v", "fr", "wikiversity", "desktop"},
      {"fr.voy", "fr", "wikivoyage", "desktop"},
      {"fr.m.d", "fr", "wiktionary", "mobile"},
      {"fr.m.voy", "fr", "wikivoyage", "mobile"},
      {"fr.zero.n", "fr", "wikinews", "mobile"},
      {"frr", "frr", "wikipedia", "desktop"},
      {"frp.m", "frp", "wikipedia", "mobile"},
      {"zh-min-nan.m.s", "zh-min-nan", "wikisource", "mobile"},
      {"be-tarask", "be-tarask", "wikipedia", "desktop"},
      {"test2", "test2", "wikipedia", "desktop"},
      {"na", "na", "wikipedia", "desktop"},
  };
  for (const Case& each : cases) {
    const DomainCode parts = parse_domain_code(each.code);
    EXPECT_EQ(parts.language, each.language) << each.code;
    EXPECT_EQ(parts.project, each.project) << each.code;
    EXPECT_EQ(parts.access, each.access) << each.code;
  }
}

TEST(DomainCode, WikimediaWikisShareTheirSuffixWithMobile) {
  for (const std::string_view name :
       {"advisory", "commons", "incubator", "meta", "mx", "outreach", "species", "strategy",
        "usability", "wikimania", "wikitech", "foundation", "il", "www"}) {
    const DomainCode desktop = parse_domain_code(std::string(name) + ".m");
    EXPECT_EQ(desktop.project, "wikimedia") << name;
    EXPECT_EQ(desktop.access, "desktop") << name;
  }
  EXPECT_EQ(parse_domain_code("commons.m.m").project, "wikimedia");
  EXPECT_EQ(parse_domain_code("commons.m.m").access, "mobile");
  EXPECT_EQ(parse_domain_code("commons.m").language, "commons");
  // The file adds up the views of two wikis; nearly all are those of the mobile Wikipedia.
  EXPECT_EQ(parse_domain_code("ca.m").project, "wikipedia");
  EXPECT_EQ(parse_domain_code("ca.m").access, "mobile");
  EXPECT_EQ(parse_domain_code("ca.m.m").project, "wikimedia");
  EXPECT_EQ(parse_domain_code("ca.m.m").access, "mobile");
}

TEST(DomainCode, HostsWithoutLanguage) {
  const Case cases[] = {
      {"www.wd", "www", "wikidata", "desktop"},           {"m.wd", "m", "wikidata", "mobile"},
      {"www.w", "www", "mediawiki", "desktop"},           {"m.w", "m", "mediawiki", "mobile"},
      {"www.s", "www", "wikisource", "desktop"},          {"m.s", "m", "wikisource", "mobile"},
      {"www.f", "www", "wikimediafoundation", "desktop"},
  };
  for (const Case& each : cases) {
    const DomainCode parts = parse_domain_code(each.code);
    EXPECT_EQ(parts.language, each.language) << each.code;
    EXPECT_EQ(parts.project, each.project) << each.code;
    EXPECT_EQ(parts.access, each.access) << each.code;
  }
}

TEST(DomainCode, OutsideTheGrammarIsUnknown) {
  for (const std::string_view code :
       {"", ".", ".m", "fr.", "fr.x", "fr.mw", "fr.m.x", "fr.b.m", "fr.m.b.d", "fr..b"}) {
    EXPECT_EQ(parse_domain_code(code).project, "unknown") << code;
  }
  EXPECT_EQ(parse_domain_code("").access, "desktop");
}

TEST(DomainCode, EveryProjectIsInTheList) {
  const auto barred = [](std::string_view text) {
    return std::string("|").append(text).append("|");
  };
  for (const std::string_view code : {"fr", "fr.b", "fr.d", "fr.n", "fr.q", "fr.s", "fr.v",
                                      "fr.voy", "www.wd", "www.w", "www.f", "meta.m", "fr.x"}) {
    const std::string project = barred(parse_domain_code(code).project);
    EXPECT_NE(barred(projects).find(project), std::string::npos) << project;
  }
}

}  // namespace
}  // namespace wikipedia
