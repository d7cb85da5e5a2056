#include <etl/testing/conformance/child_process.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>
#include <thread>

namespace {

using etl::conformance::ChildEnd;
using etl::conformance::run_in_child;
using etl::conformance::Say;
using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr std::chrono::minutes long_enough{1};

/// Whether the process runs; false for a zombie.
bool runs(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string number, name, state;
  return file >> number >> name >> state && state != "Z";
}

TEST(ChildProcess, ReturnsTheAnswer) {
  const ChildEnd end = run_in_child(
      [](const Say& say) {
        say("one ");
        say("two");
      },
      long_enough);
  EXPECT_EQ(end.how, ChildEnd::How::returned);
  EXPECT_EQ(end.answer, "one two");
}

TEST(ChildProcess, ChangesAreLost) {
  int value = 1;
  EXPECT_EQ(run_in_child([&](const Say&) { value = 2; }, long_enough).how, ChildEnd::How::returned);
  EXPECT_EQ(value, 1);
}

TEST(ChildProcess, KeepsTheOutput) {
  const ChildEnd end = run_in_child([](const Say&) { std::puts("to stdout"); }, long_enough);
  EXPECT_EQ(end.output, "to stdout\n");
}

TEST(ChildProcess, ReportsASignalAndTheAnswerBeforeIt) {
  const ChildEnd end = run_in_child(
      [](const Say& say) {
        say("about to");
        ::raise(SIGKILL);
      },
      long_enough);
  EXPECT_EQ(end.how, ChildEnd::How::killed);
  EXPECT_EQ(end.number, SIGKILL);
  EXPECT_EQ(end.answer, "about to");
  EXPECT_EQ(end.text(), "was killed by signal 9 (Killed)");
}

TEST(ChildProcess, ReportsAnExit) {
  const ChildEnd end = run_in_child([](const Say&) { ::_exit(0); }, long_enough);
  EXPECT_EQ(end.how, ChildEnd::How::exited);
  EXPECT_EQ(end.text(), "ended the process with exit code 0");
}

TEST(ChildProcess, ReportsAnException) {
  const ChildEnd end =
      run_in_child([](const Say&) { throw std::runtime_error("no luck"); }, long_enough);
  EXPECT_EQ(end.how, ChildEnd::How::threw);
  EXPECT_THAT(end.text(), HasSubstr("no luck"));
}

TEST(ChildProcess, KillsAHang) {
  const auto hang = [](const Say&) {
    for (;;) ::pause();
  };
  EXPECT_EQ(run_in_child(hang, milliseconds(50)).how, ChildEnd::How::too_long);
  EXPECT_EQ(run_in_child(hang, long_enough, [] { return true; }).how, ChildEnd::How::stopped);
}

TEST(ChildProcess, KillsRemainingProcesses) {
  const ChildEnd end = run_in_child(
      [](const Say& say) {
        const pid_t left = ::fork();
        if (left == 0) {
          for (;;) ::pause();
        }
        say(std::to_string(left));
      },
      long_enough);
  EXPECT_EQ(end.how, ChildEnd::How::returned);
  const pid_t left = std::stoi(end.answer);
  for (int i = 0; i < 5000 && runs(left); ++i) std::this_thread::sleep_for(milliseconds(2));
  EXPECT_FALSE(runs(left));
}

}  // namespace
