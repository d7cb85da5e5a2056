#include "core/app/cli/exit_codes.hpp"
#include "core/app/inspect/pipeline_check.hpp"

#include <cstdio>

namespace etl::app {

int validate(const Session& session) {
  const runtime::StageRegistry registry = session.registry();
  nlohmann::json results = nlohmann::json::array();
  bool valid = true;
  for (const std::filesystem::path& file : session.arguments.files) {
    const PipelineCheck check = check_pipeline(session, registry, file);
    valid = valid && check.valid;
    results.push_back(
        {{"file", file.string()}, {"valid", check.valid}, {"diagnostics", check.findings}});
    std::fputs(check.text.c_str(), stderr);
    if (session.arguments.format == Format::text && check.valid) print(file.string() + ": ok\n");
  }
  if (session.arguments.format == Format::json) print_json({{"valid", valid}, {"files", results}});
  return valid ? exit_ok : exit_config;
}

}  // namespace etl::app
