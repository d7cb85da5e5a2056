#include "core/app/exit_codes.hpp"
#include "core/app/run_report.hpp"
#include "core/app/verbs.hpp"
#include "core/runtime/runner.hpp"

namespace etl::app {
namespace {

int exit_code(const runtime::Summary& summary, const runtime::Cancellation& cancellation) {
  if (summary.status == "interrupted") return exit_signal + cancellation.reason();
  return summary.status == "failed" ? exit_failed : exit_ok;
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
  const runtime::StageRegistry registry = session.registry();
  runtime::Diagnostics diagnostics;
  const auto pipeline = runtime::open_pipeline({arguments.files.front(), arguments.set}, registry,
                                               session.cancellation, session.log, diagnostics);
  if (pipeline == nullptr) return report(session, diagnostics);
  runtime::Preflight preflight = runtime::look_ahead(*pipeline, arguments.reload, diagnostics);
  if (diagnostics.failed()) return report(session, diagnostics);
  const runtime::RunRequest request{
      {arguments.only, arguments.limit}, arguments.reload, arguments.progress, arguments.faults};
  const runtime::Summary summary = runtime::run_pipeline(*pipeline, std::move(preflight), request,
                                                         session.cancellation, session.log);
  const bool reported = write_report(session, file, summary);
  if (arguments.format == Format::json) print_json(summary.json());
  else print(summary.text());
  const int code = exit_code(summary, session.cancellation);
  return code == exit_ok && !reported ? exit_failed : code;
}

}  // namespace etl::app
