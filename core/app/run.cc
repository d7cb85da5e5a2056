#include "core/app/exit_codes.hpp"
#include "core/app/verbs.hpp"
#include "core/runtime/runner.hpp"

#include <cstdio>
#include <fstream>

namespace etl::app {
namespace {

/// Whole or not at all: a reader never sees half a report.
void write_report(const std::filesystem::path& path, const nlohmann::json& summary) {
  std::filesystem::path partial = path;
  partial += ".partial";
  {
    std::ofstream out(partial);
    out << summary.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    if (!out.flush()) throw Error::permanent("cannot write the report " + path.string());
  }
  std::filesystem::rename(partial, path);
}

int exit_code(const runtime::Summary& summary, const runtime::Cancellation& cancellation) {
  if (summary.status == "interrupted") return exit_signal + cancellation.reason();
  return summary.status == "failed" ? exit_failed : exit_ok;
}

}  // namespace

int run(const Session& session) {
  const Arguments& arguments = session.arguments;
  const runtime::StageRegistry registry = session.registry();
  runtime::Diagnostics diagnostics;
  const auto pipeline = runtime::open_pipeline({arguments.files.front(), arguments.set}, registry,
                                               session.cancellation, session.log, diagnostics);
  if (pipeline == nullptr) return report(session, diagnostics);
  runtime::Preflight preflight = runtime::look_ahead(*pipeline, arguments.reload, diagnostics);
  if (diagnostics.failed()) return report(session, diagnostics);
  const runtime::RunRequest request{
      {arguments.only, arguments.limit}, arguments.reload, arguments.progress};
  const runtime::Summary summary = runtime::run_pipeline(*pipeline, std::move(preflight), request,
                                                         session.cancellation, session.log);
  if (!arguments.report.empty()) write_report(arguments.report, summary.json());
  if (arguments.format == Format::json) print_json(summary.json());
  else std::fputs(summary.text().c_str(), stdout);
  return exit_code(summary, session.cancellation);
}

}  // namespace etl::app
