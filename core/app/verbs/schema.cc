#include "core/app/cli/exit_codes.hpp"
#include "core/app/cli/session.hpp"
#include "core/runtime/describe/pipeline_schema.hpp"

namespace etl::app {

int schema(const Session& session) {
  const runtime::StageRegistry registry = session.registry();
  // Bytes that are not UTF-8 can only be of a plugin's help.
  const std::string document = runtime::pipeline_schema(registry).dump(
      2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  for (const runtime::RefusedLibrary& refused : registry.refused())
    session.log.warn("without " + refused.path.string() + ": " + refused.reason);
  print(document + "\n");
  return exit_ok;
}

}  // namespace etl::app
