#include "core/app/inspect/pipeline_check.hpp"

namespace etl::app {

nlohmann::ordered_json check_pipeline(const Session& session,
                                      const runtime::StageRegistry& registry,
                                      const std::filesystem::path& file) {
  auto targets = nlohmann::ordered_json::array();
  runtime::Diagnostics diagnostics;
  const auto pipeline = runtime::open_pipeline(session.open_request(file), registry,
                                               session.cancellation, session.log, diagnostics);
  if (pipeline != nullptr) {
    for (const runtime::TargetState& target :
         runtime::run_preflight(*pipeline, false, diagnostics).targets) {
      const auto& sink = (*pipeline->graph)[target.sink];
      const std::string error = target.unreachable ? target.unreachable->message() : "";
      targets.push_back({{"sink", sink.name},
                         {"target", target.name},
                         {"reachable", error.empty()},
                         {"error", session.conceal(error)}});
      if (!error.empty())
        diagnostics.warning(sink.position, "the target was not checked: " + error);
    }
  }
  session.require_not_stopped();
  return {{"file", file.string()},
          {"valid", !diagnostics.failed()},
          {"diagnostics", session.diagnostics_json(diagnostics)},
          {"targets", targets},
          {"text", session.diagnostics_text(diagnostics)}};
}

}  // namespace etl::app
