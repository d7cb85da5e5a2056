#include "core/runtime/attempt/faults.hpp"

#include <etl/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using testing::HasSubstr;

/// At which of the first passes of a point the plan fails.
std::vector<int> failing_passes(FaultPlan& plan, FaultPoint point, int passes) {
  std::vector<int> failed;
  for (int i = 1; i <= passes; ++i) {
    try {
      plan.pass(point);
    } catch (const etl::Error& error) {
      EXPECT_EQ(error.code(), etl::Code::transient);
      failed.push_back(i);
    }
  }
  return failed;
}

TEST(FaultPlanTest, FailsAtTheNthPassOfItsPointAlone) {
  FaultPlan plan({"sink.commit@3=error"});
  EXPECT_EQ(failing_passes(plan, FaultPoint::source_open, 5), std::vector<int>{});
  EXPECT_EQ(failing_passes(plan, FaultPoint::sink_commit, 5), std::vector<int>{3});
}

TEST(FaultPlanTest, TheFirstPassIsTheDefaultAndAStarIsEvery) {
  FaultPlan first({"source.batch=error"});
  EXPECT_EQ(failing_passes(first, FaultPoint::first_batch, 3), std::vector<int>{1});
  FaultPlan every({"source.opened@*=error"});
  EXPECT_EQ(failing_passes(every, FaultPoint::source_opened, 3), (std::vector<int>{1, 2, 3}));
}

TEST(FaultPlanTest, SeveralFaultsOfOnePoint) {
  FaultPlan plan({"sink.committed@1=error", "sink.committed@4=error", "source.open=error"});
  EXPECT_EQ(failing_passes(plan, FaultPoint::sink_committed, 5), (std::vector<int>{1, 4}));
}

TEST(FaultPlanTest, SharedCountersCountForAll) {
  FaultCounters counters{};
  FaultPlan one({"source.open@2=error"});
  FaultPlan other({"source.open@2=error"});
  one.share(counters);
  other.share(counters);
  EXPECT_NO_THROW(one.pass(FaultPoint::source_open));
  EXPECT_THROW(other.pass(FaultPoint::source_open), etl::Error);
}

TEST(FaultPlanTest, ADelayGoesOn) {
  FaultPlan plan({"source.open=delay:1ms"});
  EXPECT_EQ(failing_passes(plan, FaultPoint::source_open, 2), std::vector<int>{});
}

TEST(FaultPlanTest, KillEndsTheProcess) {
  const pid_t child = fork();
  if (child == 0) {
    FaultPlan plan({"sink.commit@2=kill"});
    plan.pass(FaultPoint::sink_commit);
    plan.pass(FaultPoint::sink_commit);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST(FaultPlanTest, SaysWhatIsWrongWithAFault) {
  const auto refusal = [](const std::string& text) -> std::string {
    try {
      const FaultPlan plan({text});
    } catch (const etl::Error& error) {
      EXPECT_EQ(error.code(), etl::Code::config);
      return error.message();
    }
    return "accepted";
  };
  EXPECT_THAT(refusal("sink.commit"), HasSubstr("\"=\" is missing"));
  EXPECT_THAT(refusal("sink.comit=kill"), HasSubstr("did you mean \"sink.commit\"?"));
  for (const char* count : {"0", "-1", "x", "", "1x"})
    EXPECT_THAT(refusal(std::string("sink.commit@") + count + "=kill"),
                HasSubstr("a number from 1"));
  EXPECT_THAT(refusal("sink.commit=explode"), HasSubstr("unknown action \"explode\""));
  EXPECT_THAT(refusal("sink.commit=delay:soon"), HasSubstr("a duration"));
  EXPECT_THAT(refusal("sink.commit=delay"), HasSubstr("unknown action \"delay\""));
}

}  // namespace
