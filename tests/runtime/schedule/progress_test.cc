#include "core/runtime/schedule/progress.hpp"

#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

template <class Body>
std::string captured(ProgressMode mode, Body&& body) {
  testing::internal::CaptureStderr();
  {
    Log log(LogLevel::info, LogFormat::text, false);
    Progress progress(mode, log);
    body(progress, log);
  }
  return testing::internal::GetCapturedStderr();
}

TEST(ProgressTest, JsonEndsWithTheLastState) {
  const std::string text = captured(ProgressMode::json, [](Progress& progress, Log&) {
    progress.start(3);
    progress.begin("p0");
    progress.rows(10);
    progress.written(4);
    progress.end("p0");
    progress.finished();
    progress.failed();
    progress.stop();
  });
  std::istringstream lines(text);
  std::string line;
  std::string last;
  while (std::getline(lines, line)) last = line;
  const nlohmann::json state = nlohmann::json::parse(last);
  EXPECT_EQ(state["event"], "progress");
  EXPECT_EQ(state["partitions"], 3);
  EXPECT_EQ(state["finished"], 1);
  EXPECT_EQ(state["failed"], 1);
  EXPECT_EQ(state["rows_read"], 10);
  EXPECT_EQ(state["rows_written"], 4);
  EXPECT_TRUE(state["eta_seconds"].is_number());
}

TEST(ProgressTest, OffSaysNothing) {
  EXPECT_THAT(captured(ProgressMode::off,
                       [](Progress& progress, Log&) {
                         progress.start(3);
                         progress.rows(10);
                         progress.finished();
                       }),
              IsEmpty());
}

TEST(ProgressTest, BarsStepAsideForTheLogAndLeaveNothing) {
  const std::string text = captured(ProgressMode::bar, [](Progress& progress, Log& log) {
    progress.start(2);
    progress.begin("title \x1b]0;owned\x07");
    progress.refresh();
    log.info("a line");
    progress.stop();
  });
  EXPECT_THAT(text, HasSubstr("0/2 partitions"));
  EXPECT_THAT(text, HasSubstr("\x1b[1A\x1b[2K"));
  EXPECT_THAT(text, Not(HasSubstr("\x07")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b]0")));
}

TEST(ProgressTest, PartitionsOfTwoSourcesMayShareAnId) {
  const std::string text = captured(ProgressMode::bar, [](Progress& progress, Log&) {
    progress.start(2);
    progress.begin("same");
    progress.begin("same");
    progress.end("same");
    progress.refresh();
    progress.stop();
  });
  EXPECT_THAT(text, HasSubstr("\n  same ")) << "the other one is still at work";
}

TEST(ProgressTest, TheLineSaysWhatIsWaitedFor) {
  const std::string text = captured(ProgressMode::plain, [](Progress& progress, Log&) {
    progress.start(6);
    progress.waits("stalled");
    progress.waits("slow");
    progress.waits("soon here");
    progress.begin("soon here");
    progress.end("soon here");
    progress.finished();
    progress.refresh();
    progress.begin("slow");
    progress.end("stalled");
    progress.refresh();
  });
  EXPECT_THAT(text, ContainsRegex(" left for the others; waiting for stalled \\([0-9.]+s\\) and 1 "
                                  "more\n"));
  EXPECT_THAT(text, ContainsRegex(", about [^;]* left\n")) << "nothing is waited for any more";
}

TEST(ProgressTest, NoTimeIsPromisedForWhatIsWaitedFor) {
  const std::string text = captured(ProgressMode::plain, [](Progress& progress, Log&) {
    progress.start(2);
    progress.finished();
    progress.waits("stalled");
    progress.refresh();
  });
  EXPECT_THAT(text, HasSubstr("1/2 partitions"));
  EXPECT_THAT(text, HasSubstr("rows/s; waiting for stalled ("));
}

TEST(ProgressTest, BarsMarkWhatIsWaitedFor) {
  const std::string text = captured(ProgressMode::bar, [](Progress& progress, Log&) {
    progress.start(2);
    progress.begin("read");
    progress.begin("stalled");
    progress.waits("stalled");
    progress.refresh();
  });
  EXPECT_THAT(text, ContainsRegex("\n  stalled [0-9.]+s, waiting for its data\n  read [0-9.]+s\n"));
}

TEST(ProgressTest, JsonListsWhatIsWaitedFor) {
  const std::string text = captured(ProgressMode::json, [](Progress& progress, Log&) {
    progress.start(3);
    progress.waits("stalled");
    progress.begin("read");
    progress.stop();
  });
  EXPECT_EQ(nlohmann::json::parse(text)["waiting_for"], nlohmann::json({"stalled"}));
}

TEST(ProgressTest, EveryMemberMayBeCalledFromAnyThread) {
  (void)captured(ProgressMode::json, [](Progress& progress, Log& log) {
    progress.start(4);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&progress, &log, i] {
        const std::string id = "p" + std::to_string(i);
        for (int j = 0; j < 100; ++j) {
          progress.begin(id);
          progress.rows(1);
          progress.written(1);
          log.info("line");
          progress.end(id);
        }
        progress.finished();
      });
    }
    for (std::thread& thread : threads) thread.join();
    progress.stop();
  });
}

}  // namespace
