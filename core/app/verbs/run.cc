#include "core/app/cli/exit_codes.hpp"
#include "core/app/cli/session.hpp"
#include "core/app/cli/task_share.hpp"
#include "core/app/cluster/fixed_times.hpp"
#include "core/app/verbs/run_report.hpp"
#include "core/runtime/pipeline/plan.hpp"
#include "core/runtime/pipeline/preflight.hpp"
#include "core/runtime/run/runner.hpp"

#include <algorithm>

namespace etl::app {
namespace {

/// An engine is told whether it is of any use to start the task again.
int exit_code(const Session& session, const runtime::Summary& summary) {
  if (summary.status == "interrupted") return exit_signal + session.cancellation.reason();
  if (summary.status != "failed") return exit_ok;
  const bool may_pass = std::ranges::any_of(summary.failures, &runtime::Failure::transient);
  return may_pass && !session.arguments.task.empty() ? exit_retry : exit_failed;
}

runtime::Selection selection(const Arguments& arguments) {
  runtime::Selection selection{arguments.only, arguments.limit};
  if (!arguments.task.empty())
    selection.share =
        task_share(arguments.task, arguments.task_offset, runtime::environment_variable);
  return selection;
}

/// A report that is lost costs no summary: data has moved.
bool write_report(const Session& session, const RunReport& report,
                  const runtime::Summary& summary) {
  try {
    report.write(summary.json());
    return true;
  } catch (const Error& error) {
    session.log.error(error.message());
    return false;
  }
}

}  // namespace

int run(const Session& session) {
  const Arguments& arguments = session.arguments;
  const RunReport file(arguments.report);
  const runtime::Selection chosen = selection(arguments);
  const runtime::StageRegistry registry = session.registry();
  runtime::Diagnostics diagnostics;
  runtime::OpenRequest opened = session.open_request();
  if (chosen.share) opened.task = chosen.share->index;
  const auto pipeline =
      runtime::open_pipeline(opened, registry, session.cancellation, session.log, diagnostics);
  if (pipeline == nullptr) return report(session, diagnostics);
  if (!arguments.task.empty() && arguments.now.empty()) require_fixed_times(*pipeline);
  runtime::Preflight preflight = runtime::run_preflight(*pipeline, arguments.reload, diagnostics);
  if (diagnostics.failed()) return report(session, diagnostics);
  const runtime::RunRequest request{chosen, arguments.reload, arguments.progress, arguments.faults};
  const runtime::Summary summary = runtime::run_pipeline(*pipeline, std::move(preflight), request,
                                                         session.cancellation, session.log);
  const bool reported = write_report(session, file, summary);
  if (arguments.format == Format::json) print_json(summary.json());
  else print(summary.text());
  const int code = exit_code(session, summary);
  return code == exit_ok && !reported ? exit_failed : code;
}

}  // namespace etl::app
