#include "core/app/verbs.hpp"

#include "core/app/exit_codes.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace etl::app {

runtime::StageRegistry Session::registry() const {
  return runtime::StageRegistry::scan(runtime::SearchPath::from(
      arguments.plugin_dirs, std::getenv("ETL_PLUGIN_PATH"),  // NOLINT(concurrency-mt-unsafe)
      std::filesystem::read_symlink("/proc/self/exe")));
}

bool colour_on(int descriptor) {
  const char* refused = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
  return (refused == nullptr || *refused == '\0') && ::isatty(descriptor) == 1;
}

int report(const Session& session, const runtime::Diagnostics& diagnostics) {
  const std::string text =
      session.log.redactor().conceal(diagnostics.text(colour_on(STDERR_FILENO)));
  std::fputs(text.c_str(), stderr);
  if (session.arguments.format == Format::json) print_json({{"diagnostics", diagnostics.json()}});
  return exit_config;
}

void print_json(const nlohmann::json& document) {
  const std::string text = document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  std::puts(text.c_str());
}

}  // namespace etl::app
