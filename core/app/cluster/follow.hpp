/// \file
/// `etl submit --wait`: follows a job to its end.
#pragma once

#include "core/app/cluster/engine_job.hpp"
#include "core/runtime/schedule/summary.hpp"

#include <string>

namespace etl::app {

/// Waits until every task has ended and sums up what came of the job: partitions and rows as the
/// ledgers say, bytes, stages and memory from the tasks' reports. Without `engine` there was
/// nothing to do. A stop ends the watching; what becomes of the job, the engine decides. A database
/// that does not answer is asked again.
[[nodiscard]] runtime::Summary follow_job(const Session& session, const runtime::Pipeline& pipeline,
                                          const Job& job, EngineJob* engine);

}  // namespace etl::app
