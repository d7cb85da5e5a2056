#include "core/runtime/base/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>
#include <thread>
#include <vector>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;

// ---- redactor ----------------------------------------------------------------------------------

TEST(RedactorTest, ConcealsEveryOccurrence) {
  Redactor redactor;
  redactor.add("hunter22");
  EXPECT_EQ(redactor.conceal("a hunter22 b hunter22hunter22"), "a *** b ******");
  EXPECT_EQ(redactor.conceal("nothing"), "nothing");
}

TEST(RedactorTest, KnowsThePercentEncodedForm) {
  Redactor redactor;
  redactor.add("p@ss/word");
  EXPECT_EQ(redactor.conceal("postgres://me:p%40ss%2Fword@host"), "postgres://me:***@host");
  EXPECT_EQ(redactor.conceal("postgres://me:p%40ss%2fword@host"), "postgres://me:***@host");
}

TEST(RedactorTest, KnowsThePercentDecodedForm) {
  Redactor redactor;
  redactor.add("p%40ss%2Fword");
  EXPECT_EQ(redactor.conceal("password p@ss/word is wrong"), "password *** is wrong");
}

TEST(RedactorTest, TheLongerSecretGoesFirst) {
  Redactor redactor;
  redactor.add("secret");
  redactor.add("secret-and-more");
  EXPECT_EQ(redactor.conceal("secret-and-more secret"), "*** ***");
}

// Concealing "e" everywhere would garble texts, and the gaps would reveal the secret.
TEST(RedactorTest, ShortValuesAreConcealedWhereAPasswordStandsAndNowhereElse) {
  Redactor redactor;
  redactor.add("abc");
  redactor.add("e");
  redactor.add("");
  EXPECT_EQ(redactor.conceal("abcabc, the end"), "abcabc, the end");
  EXPECT_EQ(redactor.conceal("postgres://me:e@here/db, the end"),
            "postgres://me:***@here/db, the end");
  EXPECT_EQ(redactor.conceal("host=here password=abc user=e"), "host=here password=*** user=e");
}

TEST(RedactorTest, ConcealsWhatStandsAsAPasswordWithoutBeingTold) {
  const Redactor redactor;
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"https://me:pw@h/x?y=z", "https://me:***@h/x?y=z"},
      {"https://:pw@h", "https://:***@h"},
      {"postgresql://u:p%40w@h1:1,h2:2/db", "postgresql://u:***@h1:1,h2:2/db"},
      {"postgresql://u:a:b@c@h/db", "postgresql://u:***@h/db"},
      {"postgresql://u:a?b#c@h/db", "postgresql://u:***@h/db"},
      {"postgresql:///db?user=u&password=a%20b&host=h",
       "postgresql:///db?user=u&password=***&host=h"},
      {"host=h password = 'a b\\'c' port=1", "host=h password = '***' port=1"},
      {"host=h password=a\\ b&c port=1", "host=h password=*** port=1"},
      {"PASSWORD=x sslpassword=y PWD=\"z\"", "PASSWORD=*** sslpassword=*** PWD=\"***\""},
      {"http://me:pass/word@h:1 is wrong", "http://me:***@h:1 is wrong"},
      {"http://h:80/a@b http://[::1]:80/a", "http://h:80/a@b http://[::1]:80/a"},
      {"two: a://b:c@d e://f:g@h", "two: a://b:***@d e://f:***@h"},
      {"password='open", "password='***"}};
  for (const auto& [text, concealed] : cases) EXPECT_EQ(redactor.conceal(text), concealed);
}

TEST(RedactorTest, LeavesWhatIsNoPassword) {
  const Redactor redactor;
  for (const char* text : {"https://h:8080/a@b", "https://me@h/x", "https://me:@h/x", "a: b@c",
                           "password=", "password", "the password = ", "= x", "passwords=1",
                           "my_password=1", "://", "x://y", "=", ""}) {
    EXPECT_EQ(redactor.conceal(text), text);
  }
}

TEST(RedactorTest, KnowsThePasswordInsideAConnectionString) {
  for (const char* dsn :
       {"postgresql://u:p%40ss%20word@h/db", "host=h password='p@ss word'",
        "host=h password=p@ss\\ word", "postgresql:///db?password=p%40ss%20word"}) {
    Redactor redactor;
    redactor.add(dsn);
    EXPECT_EQ(redactor.conceal("[p@ss word] [p%40ss%20word]"), "[***] [***]") << dsn;
    EXPECT_EQ(redactor.conceal(std::string("<") + dsn + ">"), "<***>");
  }
}

TEST(RedactorTest, ASecretOfStarsEnds) {
  Redactor redactor;
  redactor.add("****");
  EXPECT_EQ(redactor.conceal("********"), "******");
}

TEST(RedactorTest, IsThreadSafe) {
  Redactor redactor;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&redactor, i] {
      for (int j = 0; j < 50; ++j) {
        redactor.add("secret" + std::to_string(i * 100 + j));
        EXPECT_THAT(redactor.conceal("secret" + std::to_string(i * 100 + j)), HasSubstr("***"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// ---- log ---------------------------------------------------------------------------------------

/// Returns what `body` writes to stderr.
template <class Body>
std::string captured(Body&& body) {
  testing::internal::CaptureStderr();
  body();
  return testing::internal::GetCapturedStderr();
}

TEST(LogTest, TextHasTimeLevelAndStage) {
  const std::string text = captured([] {
    Log log(LogLevel::info, LogFormat::text, false);
    log.write(LogLevel::warn, "pageviews", "late");
  });
  EXPECT_THAT(text, MatchesRegex("[0-9-]+T[0-9:.]+Z warning? +\\[pageviews\\] late\n"));
}

TEST(LogTest, LevelsBelowAreNotWritten) {
  EXPECT_THAT(captured([] {
                Log log(LogLevel::warn, LogFormat::text, false);
                log.info("quiet");
              }),
              IsEmpty());
  EXPECT_THAT(captured([] {
                Log log(LogLevel::off, LogFormat::text, false);
                log.error("quiet");
              }),
              IsEmpty());
}

TEST(LogTest, JsonIsAnObjectALine) {
  const std::string text = captured([] {
    Log log(LogLevel::info, LogFormat::json, false);
    log.write(LogLevel::error, "db", "two\nlines \"quoted\" \xFF \x1b[2J");
    log.info("plain");
  });
  std::istringstream lines(text);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const nlohmann::json first = nlohmann::json::parse(line);
  EXPECT_EQ(first["level"], "error");
  EXPECT_EQ(first["stage"], "db");
  EXPECT_THAT(first["message"].get<std::string>(), HasSubstr("two\nlines \"quoted\""));
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_FALSE(nlohmann::json::parse(line).contains("stage"));
}

TEST(LogTest, SecretsAreConcealed) {
  for (const LogFormat format : {LogFormat::text, LogFormat::json}) {
    const std::string text = captured([&] {
      Log log(LogLevel::info, format, false);
      log.redactor().add("hunter\"22");
      log.write(LogLevel::info, "db", "connecting with hunter\"22");
    });
    EXPECT_THAT(text, HasSubstr("***"));
    EXPECT_THAT(text, Not(HasSubstr("hunter")));
  }
}

TEST(LogTest, DataCannotSteerTheTerminalOrForgeALine) {
  const std::string text = captured([] {
    Log log(LogLevel::info, LogFormat::text, false);
    log.info("title \x1b]0;owned\x07 \x9b 31m\r\n2026-01-01T00:00:00.000Z info  all is well");
  });
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\x07")));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
  EXPECT_THAT(text, Not(HasSubstr("\n2026")));
  EXPECT_THAT(text, EndsWith("\n    2026-01-01T00:00:00.000Z info  all is well\n"));
}

TEST(LogTest, ExclusiveKeepsLinesApart) {
  const std::string text = captured([] {
    Log log(LogLevel::info, LogFormat::text, false);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&log] {
        for (int j = 0; j < 50; ++j) {
          log.info("line");
          log.exclusive([] {
            std::fputs("two ", stderr);
            std::fputs("parts\n", stderr);
          });
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  std::istringstream lines(text);
  int whole = 0;
  int logged = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line == "two parts") ++whole;
    else if (line.ends_with(" line")) ++logged;
    else ADD_FAILURE() << line;
  }
  EXPECT_EQ(whole, 200);
  EXPECT_EQ(logged, 200);
}

TEST(LogTest, AroundRunsBeforeAndAfterEachLine) {
  const std::string text = captured([] {
    Log log(LogLevel::info, LogFormat::json, false);
    log.around([] { std::fputs("<", stderr); }, [] { std::fputs(">", stderr); });
    log.info("x");
    log.around({}, {});
    log.info("y");
  });
  EXPECT_THAT(text, MatchesRegex("<\\{.*\"x\".*\\}\n>\\{.*\"y\".*\\}\n"));
}

}  // namespace
