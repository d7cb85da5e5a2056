#include "core/runtime/workers/run_board.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)

int take(const RunSlots& slots, std::string_view name, std::uint32_t limit) {
  const etl_slots* abi = slots.abi();
  return abi->try_acquire(abi->ctx, {name.data(), name.size()}, limit);
}

void give_back(const RunSlots& slots, int slot) { slots.abi()->release(slots.abi()->ctx, slot); }

/// Another process that takes a slot, and what it got; ends when told to.
class OtherProcess {
 public:
  OtherProcess(int board, const std::string& name, std::uint32_t limit) {
    std::array<int, 2> answer{};
    if (pipe(answer.data()) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      const RunSlots slots(board);
      const int slot = take(slots, name, limit);
      [[maybe_unused]] const auto written = write(answer[1], &slot, sizeof(slot));
      pause();
      _exit(0);
    }
    close(answer[1]);
    if (read(answer[0], &slot_, sizeof(slot_)) != sizeof(slot_)) slot_ = -100;
    close(answer[0]);
  }
  ~OtherProcess() { end(); }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  [[nodiscard]] int slot() const { return slot_; }
  void end() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  int slot_ = -100;
};

TEST(RunSlotsTest, NoMoreThanTheLimit) {
  const RunBoard board(1);
  const RunSlots slots(board.descriptor());
  const int first = take(slots, "a", 2);
  const int second = take(slots, "a", 2);
  EXPECT_GE(first, 0);
  EXPECT_GE(second, 0);
  EXPECT_NE(first, second);
  EXPECT_EQ(take(slots, "a", 2), -1);
  EXPECT_GE(take(slots, "b", 1), 0) << "another name has a limit of its own";
  give_back(slots, first);
  EXPECT_GE(take(slots, "a", 2), 0);
  EXPECT_EQ(take(slots, "a", 2), -1);
}

TEST(RunSlotsTest, HoldOverProcessesAndEndWithThem) {
  const RunBoard board(1);
  const RunSlots mine(board.descriptor());
  OtherProcess one(board.descriptor(), "connections", 2);
  EXPECT_GE(one.slot(), 0);
  EXPECT_GE(take(mine, "connections", 2), 0);
  const OtherProcess two(board.descriptor(), "connections", 2);
  EXPECT_EQ(two.slot(), -1);
  EXPECT_EQ(take(mine, "connections", 2), -1);
  one.end();  // killed: the kernel gives its slot back
  EXPECT_GE(take(mine, "connections", 2), 0);
}

TEST(RunBoardTest, AnotherProcessSeesAndCounts) {
  RunBoard board(3);
  board.worker(2).rows_read = 5;
  const pid_t child = fork();
  if (child == 0) {
    RunBoard theirs = RunBoard::inherited(dup(board.descriptor()), 3);
    const bool saw = theirs.worker(2).rows_read == 5;
    theirs.worker(2).rows_read += 10;
    theirs.faults()[1] += 1;
    theirs.worker(1).activities[7].stage = 3;
    _exit(saw ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(board.worker(2).rows_read, 15);
  EXPECT_EQ(board.worker(0).rows_read, 0);
  EXPECT_EQ(board.faults()[1], 1);
  EXPECT_EQ(board.worker(1).activities[7].stage, 3);
  EXPECT_EQ(board.worker(1).activities[6].stage, Activity::none);
}

}  // namespace
