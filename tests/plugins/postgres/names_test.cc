#include "plugins/postgres/connection/sqlstate.hpp"
#include "plugins/postgres/identifier.hpp"
#include "plugins/postgres/utf8.hpp"
#include "sink_fixture.hpp"
#include "tests/support/documented_table.hpp"

namespace postgres_test {
namespace {

using postgres::parse_table_name;
using postgres::TableName;

TEST(Identifier, IsQuotedSoThatNothingInItIsSql) {
  EXPECT_EQ(postgres::quoted("views"), "\"views\"");
  EXPECT_EQ(postgres::quoted("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
}

TEST(TableNameTest, PlainPartsKeepTheirCase) {
  EXPECT_EQ(parse_table_name("PageViews"), (TableName{"", "PageViews"}));
  EXPECT_EQ(parse_table_name("raw.page views"), (TableName{"raw", "page views"}));
  EXPECT_EQ(parse_table_name("größe"), (TableName{"", "größe"}));
}

TEST(TableNameTest, QuotedPartsMayHoldDotsAndQuotes) {
  EXPECT_EQ(parse_table_name("\"v1.0\""), (TableName{"", "v1.0"}));
  EXPECT_EQ(parse_table_name("\"a.b\".\"c\"\"d\""), (TableName{"a.b", "c\"d"}));
  EXPECT_EQ(parse_table_name("a.\"c.d\""), (TableName{"a", "c.d"}));
}

TEST(TableNameTest, SqlIsQuotedAndPeopleSeeQuotesWhereNeeded) {
  EXPECT_EQ((TableName{"public", "t"}).sql(), "\"public\".\"t\"");
  EXPECT_EQ((TableName{"public", "t_1"}).shown(), "public.t_1");
  EXPECT_EQ((TableName{"", "T"}).shown(), "\"T\"");
}

TEST(TableNameTest, RefusesWhatIsNoName) {
  for (const char* text : {"", ".t", "s.", "a.b.c", "\"open", "\"a\"b", "\"\"", "bad\xFFutf8"}) {
    const etl::Error error = error_of([&] { static_cast<void>(parse_table_name(text)); });
    EXPECT_EQ(error.code(), etl::Code::config) << text;
    EXPECT_EQ(error.option(), "table") << text;
  }
  EXPECT_NO_THROW(static_cast<void>(parse_table_name(std::string(63, 'x'))));
  const etl::Error error =
      error_of([] { static_cast<void>(parse_table_name(std::string(64, 'x'))); });
  EXPECT_CONTAINS(error.message(), "64 bytes");
}

TEST(Utf8, IsWhatTheServerTakes) {
  for (const char* good :
       {"", "abc", "\u00e9", "\u20ac", "\U0001F600", "\uFFFF", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(postgres::is_storable(good)) << good;
  }
  for (const std::string& bad :
       {std::string("a\0b", 3), std::string("\x80"), std::string("\xC3"), std::string("\xC0\x80"),
        std::string("\xE0\x80\x80"), std::string("\xED\xA0\x80"), std::string("\xF4\x90\x80\x80"),
        std::string("\xF0\x9F\x98"), std::string("\xFF")}) {
    EXPECT_FALSE(postgres::is_storable(bad));
  }
}

TEST(Utf8, ReplacesOnlyTheBadBytes) {
  EXPECT_EQ(postgres::storable("caf\u00e9"), "caf\u00e9");
  EXPECT_EQ(postgres::storable("a\xFF"
                               "b"),
            "a\uFFFD"
            "b");
  EXPECT_EQ(postgres::storable(std::string("a\0b", 3)),
            "a\uFFFD"
            "b");
  EXPECT_EQ(postgres::storable("\xE2\x82"), "\uFFFD\uFFFD");
}

TEST(Sqlstate, SaysWhatIsWorthAnotherTry) {
  for (const char* code : {"08006", "08P01", "25006", "40001", "40P01", "53100", "53300", "55P03",
                           "57014", "57P01", "57P02", "57P03", "58030"}) {
    EXPECT_EQ(postgres::code_of(code), etl::Code::transient) << code;
  }
  for (const char* code : {"22021", "22P04", "23505", "23514", "28P01", "3D000", "3F000", "40002",
                           "42501", "42P01", "57P04", "XX000", "P0001", ""}) {
    EXPECT_EQ(postgres::code_of(code), etl::Code::permanent) << code;
  }
}

TEST(Sqlstate, TheDocsShowTheTables) {
  std::string table = "| SQLSTATE | result | meaning |\n|---|---|---|\n";
  for (const postgres::SqlstateRule& rule : postgres::sqlstate_rules()) {
    const std::string prefix(rule.prefix);
    table += "| " + (prefix.size() == 2 ? "class `" + prefix + "`" : "`" + prefix + "`") + " | " +
             etl_test::outcome_of(rule.code) + " | " + std::string(rule.why) + " |\n";
  }
  etl_test::expect_documented(PLUGIN_DIR "/postgres.md", table);
  std::string phrases;
  for (const std::string_view phrase : postgres::hopeless_phrases()) {
    phrases += "- `" + std::string(phrase) + "`\n";
  }
  etl_test::expect_documented(PLUGIN_DIR "/postgres.md", phrases);
}

TEST(Sqlstate, IsFoundInAFailedConnectionsText) {
  EXPECT_EQ(postgres::sqlstate_in(
                "connection to server failed: FATAL:  28P01: password authentication failed"),
            "28P01");
  // The severity is in the server's language. Of two hosts, the last counts.
  EXPECT_EQ(
      postgres::sqlstate_in("FATAL:  28P01: x\nSCHWERWIEGEND:  57P03: das Datenbanksystem startet"),
      "57P03");
  EXPECT_EQ(postgres::sqlstate_in("connection refused:  is it up?"), std::nullopt);
  EXPECT_EQ(postgres::sqlstate_in(""), std::nullopt);
  EXPECT_EQ(postgres::code_of_connect_failure("Connection refused"), etl::Code::transient);
  EXPECT_EQ(postgres::code_of_connect_failure("server does not support SSL, but SSL was required"),
            etl::Code::permanent);
  EXPECT_EQ(postgres::code_of_connect_failure("FATAL:  53300: sorry, too many clients already"),
            etl::Code::transient);
}

}  // namespace
}  // namespace postgres_test
