// How a plan is cut into the tasks of an engine, and the scripts that start them.
#include "core/app/cluster/submission.hpp"

#include "core/app/cluster/scripts.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using etl::app::Submission;
using runtime_test::Bench;
using testing::ElementsAre;
using testing::HasSubstr;

class SubmissionTest : public testing::Test {
 protected:
  static std::string stages(const std::string& sink = "probe_parallel") {
    return "[sources.s]\nplugin = \"probe_source\"\npartitions = 5\n[sinks.db]\nplugin = \"" +
           sink + "\"\ninput = \"s\"\n" + (sink == "probe_append" ? "" : "store = \"@\"\n");
  }
  Submission make(Bench& bench) {
    return etl::app::make_submission(common_, options_, bench.pipeline(), bench.preflight());
  }
  std::string refusal(Bench& bench) {
    try {
      return "made " + make(bench).name;
    } catch (const etl::Error& error) {
      return error.message();
    }
  }

  etl::app::CommonOptions common_;
  etl::app::SubmitOptions options_{"slurm", {}, 3, {}, "/jobs/one", "", false};
};

TEST_F(SubmissionTest, CutsThePlanIntoShares) {
  Bench bench(stages());
  const Submission made = make(bench);
  EXPECT_EQ(made.tasks, 3U);
  EXPECT_THAT(made.to_start, ElementsAre(0, 1, 2));
  EXPECT_EQ(made.task_of.size(), 5U);
  EXPECT_EQ(made.partitions_to_do(), 5U);
  EXPECT_EQ(made.folder, "/jobs/one");
}

TEST_F(SubmissionTest, StartsOnlyTasksWithWorkToDo) {
  Bench bench(stages());
  etl::runtime::RunRequest first;
  first.selection.limit = 4;
  ASSERT_EQ(bench.run(first).status, "ok");
  const Submission made = make(bench);
  EXPECT_EQ(made.partitions_to_do(), 1U);
  EXPECT_EQ(made.to_start.size(), 1U);
  options_.reload = true;
  EXPECT_EQ(make(bench).partitions_to_do(), 5U);
}

TEST_F(SubmissionTest, RefusesWhatTasksCannotShare) {
  Bench alone(stages("probe_exclusive"));
  EXPECT_THAT(refusal(alone), HasSubstr("it takes one writer at a time"));
  Bench loose(stages("probe_append"));
  EXPECT_THAT(refusal(loose), HasSubstr("it keeps no ledger"));
  Bench bench(stages());
  options_.folder = "/jobs/100%";
  EXPECT_THAT(refusal(bench), HasSubstr("--job-dir: /jobs/100% contains a %"));
  options_.folder = "/jobs/one";
  options_.tasks = 100'001;
  EXPECT_THAT(refusal(bench), HasSubstr("--tasks 100001: the limit is 100000"));
}

TEST_F(SubmissionTest, PassesOptionsOnToTheTasks) {
  Bench bench(stages());
  common_.set = {"s.rows=3"};
  options_.selection.only = {"p*"};
  options_.reload = true;
  const Submission made = make(bench);
  EXPECT_THAT(made.arguments,
              testing::IsSupersetOf({"--set", "s.rows=3", "--only", "p*", "--reload", "--now"}));
}

TEST(ScriptsTest, NumbersTasksInRanges) {
  EXPECT_EQ(etl::app::ranges({0, 1, 2, 3, 7}), "0-3,7");
  EXPECT_EQ(etl::app::ranges({5}), "5");
  EXPECT_EQ(etl::app::ranges({}), "");
}

Submission some_submission() {
  Submission submission;
  submission.pipeline = "some\nthing";
  submission.name = "etl-some";
  submission.file = "/p.toml";
  submission.folder = "/jobs/it's";
  submission.work_folder = "/work";
  submission.arguments = {"--set", "a.b=c d"};
  submission.tasks = 12;
  submission.to_start = {0, 1, 3, 11};
  submission.at_once = 2;
  return submission;
}

TEST(ScriptsTest, PutsTasksIntoArraysBelowTheLimit) {
  const auto arrays = etl::app::arrays_of(some_submission(), 10);
  ASSERT_EQ(arrays.size(), 2U);
  EXPECT_THAT(arrays[0].indexes, ElementsAre(0, 1, 3));
  EXPECT_EQ(arrays[0].script(), "job.sh");
  EXPECT_EQ(arrays[1].offset, 10U);
  EXPECT_THAT(arrays[1].indexes, ElementsAre(1));
  EXPECT_EQ(arrays[1].script(), "job-10.sh");
  EXPECT_EQ(arrays[1].log(), "task-10+%a.log");
}

TEST(ScriptsTest, SlurmScript) {
  const Submission submission = some_submission();
  const std::string script =
      etl::app::slurm_script(submission, etl::app::arrays_of(submission, 10).front());
  EXPECT_THAT(script, HasSubstr("# Pipeline \"some thing\": 4 of 12 shares of the plan."));
  EXPECT_THAT(script, HasSubstr("#SBATCH --array=0-1,3%2\n"));
  EXPECT_THAT(script,
              HasSubstr("run /p.toml --set 'a.b=c d' \\\n  --task auto/12 --task-offset 0"));
  EXPECT_THAT(script, HasSubstr("'/jobs/it'\\''s'"));
}

TEST(ScriptsTest, ParallelScript) {
  const std::string script = etl::app::parallel_script(some_submission());
  EXPECT_THAT(script, HasSubstr("printf '%s\\n' 0 1 3 11 | parallel --quote --jobs 2 "));
  EXPECT_THAT(script, HasSubstr("--task \"$1/12\""));
}

}  // namespace
