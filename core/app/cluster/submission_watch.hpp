/// \file
/// `etl submit --wait`: watches a submission to its end.
#pragma once

#include "core/app/cluster/running_submission.hpp"
#include "core/runtime/schedule/progress.hpp"
#include "core/runtime/schedule/summary.hpp"

namespace etl::app {

/// Waits until every task has ended and returns the summary: partitions and rows from the ledgers;
/// bytes, stages and memory from the tasks' reports. `running` is nullptr if there was nothing to
/// do. A stop ends the watching and calls RunningSubmission::leave(). A database that does not
/// answer is asked again.
[[nodiscard]] runtime::Summary watch(const Session& session, runtime::ProgressMode progress,
                                     const runtime::Pipeline& pipeline,
                                     const Submission& submission, RunningSubmission* running);

}  // namespace etl::app
