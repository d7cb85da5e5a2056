#include "core/app/exit_codes.hpp"
#include "core/app/verbs.hpp"
#include "core/runtime/planner.hpp"

#include <cstdio>

namespace etl::app {

int validate(const Session& session) {
  const runtime::StageRegistry registry = session.registry();
  nlohmann::json results = nlohmann::json::array();
  bool valid = true;
  for (const std::filesystem::path& file : session.arguments.files) {
    runtime::Diagnostics diagnostics;
    const auto pipeline = runtime::open_pipeline({file, session.arguments.set}, registry,
                                                 session.cancellation, session.log, diagnostics);
    if (pipeline != nullptr) {
      for (const runtime::TargetState& target :
           runtime::look_ahead(*pipeline, false, diagnostics).targets) {
        if (!target.unreachable) continue;
        diagnostics.warning((*pipeline->graph)[target.sink].position,
                            "the target was not checked: " + target.unreachable->message());
      }
    }
    require_not_stopped(session);
    const bool ok = !diagnostics.failed();
    valid = valid && ok;
    results.push_back(
        {{"file", file.string()}, {"valid", ok}, {"diagnostics", findings(session, diagnostics)}});
    const std::string text = session.log.redactor().conceal(diagnostics.text(colour_on(2)));
    std::fputs(text.c_str(), stderr);
    if (session.arguments.format == Format::text && ok) print(file.string() + ": ok\n");
  }
  if (session.arguments.format == Format::json) print_json({{"valid", valid}, {"files", results}});
  return valid ? exit_ok : exit_config;
}

}  // namespace etl::app
