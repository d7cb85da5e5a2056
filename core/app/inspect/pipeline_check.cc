#include "core/app/inspect/pipeline_check.hpp"

#include "core/runtime/pipeline/preflight.hpp"

namespace etl::app {

PipelineCheck check_pipeline(const Session& session, const runtime::StageRegistry& registry,
                             const std::filesystem::path& file) {
  PipelineCheck check;
  runtime::Diagnostics diagnostics;
  const auto pipeline = runtime::open_pipeline(session.open_request(file), registry,
                                               session.cancellation, session.log, diagnostics);
  if (pipeline != nullptr) {
    for (const runtime::TargetState& target :
         runtime::run_preflight(*pipeline, false, diagnostics).targets) {
      const auto& sink = (*pipeline->graph)[target.sink];
      check.targets.push_back({sink.name, target.name, ""});
      if (!target.unreachable) continue;
      check.targets.back().unreachable = session.conceal(target.unreachable->message());
      diagnostics.warning(sink.position,
                          "the target was not checked: " + target.unreachable->message());
    }
  }
  session.require_not_stopped();
  check.valid = !diagnostics.failed();
  check.findings = session.diagnostics_json(diagnostics);
  check.text = session.diagnostics_text(diagnostics);
  return check;
}

}  // namespace etl::app
