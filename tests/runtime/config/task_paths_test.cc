// `{task}` in a path: its replacement, and finding the tasks that have written files.
#include "core/runtime/config/task_paths.hpp"

#include "tests/support/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace etl::runtime;  // NOLINT(google-build-using-namespace)
using testing::ElementsAre;
using testing::IsEmpty;

TEST(TaskPathTest, EveryPlaceIsFilledIn) {
  EXPECT_EQ(with_task("/a/{task}/out-{task}.db", "12"), "/a/12/out-12.db");
  EXPECT_EQ(with_task("/a/{task}", "{task}"), "/a/{task}");
  EXPECT_TRUE(is_per_task("out-{task}.db"));
  EXPECT_FALSE(is_per_task("out-{tasks}.db"));
  EXPECT_FALSE(is_per_task(""));
}

class TasksFoundTest : public testing::Test {
 protected:
  void touch(const std::string& path) { folder_.file(path, "x"); }
  std::vector<std::int64_t> found(const std::string& path) {
    return tasks_found(folder_.path(path).string());
  }

  etl_test::TemporaryFolder folder_;
};

TEST_F(TasksFoundTest, NumbersInOrder) {
  for (const char* name :
       {"out-10.db", "out-2.db", "out-0.db", "out-all.db", "out-.db", "out-3.db-wal", "out-007.db",
        "out--1.db", "out-4.dbx", "xout-5.db", "out-6"}) {
    touch(name);
  }
  EXPECT_THAT(found("out-{task}.db"), ElementsAre(0, 2, 10));
}

TEST_F(TasksFoundTest, InTheNameOfAFolder) {
  touch("1/out.db");
  touch("2/other.db");
  touch("3/out.db");
  EXPECT_THAT(found("{task}/out.db"), ElementsAre(1, 3));
}

TEST_F(TasksFoundTest, EveryPlaceHasTheSameNumber) {
  touch("1/out-1.db");
  touch("2/out-1.db");
  EXPECT_THAT(found("{task}/out-{task}.db"), ElementsAre(1));
  touch("a-3-3");
  touch("a-4-5");
  EXPECT_THAT(found("a-{task}-{task}"), ElementsAre(3));
}

TEST_F(TasksFoundTest, NothingWhereThereIsNothing) {
  EXPECT_THAT(found("no/such/out-{task}.db"), IsEmpty());
  EXPECT_THAT(found("out.db"), IsEmpty());
}

}  // namespace
