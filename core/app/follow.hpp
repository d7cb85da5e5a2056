/// \file
/// `etl submit --wait`: follows a job of Slurm to its end.
#pragma once

#include "core/app/job.hpp"
#include "core/runtime/summary.hpp"

#include <string>

namespace etl::app {

/// Waits until every task has ended and sums up what came of the job: partitions and rows as the
/// ledgers say, bytes, stages and memory from the tasks' reports. An empty `id` is a job that had
/// nothing to do. A stop ends the watching, not the job. A controller or a database that does not
/// answer is asked again.
[[nodiscard]] runtime::Summary follow_job(const Session& session, const runtime::Pipeline& pipeline,
                                          const Job& job, const std::string& id);

}  // namespace etl::app
