#include "core/app/cli/session.hpp"

#include "core/app/cli/exit_codes.hpp"
#include "core/app/cli/moment.hpp"
#include "core/runtime/base/environment.hpp"
#include "core/runtime/pipeline_tests/pipeline_tests.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace etl::app {

runtime::StageRegistry Session::registry() const {
  return runtime::StageRegistry::scan(runtime::SearchPath::from(
      arguments.plugin_dirs, runtime::environment_variable("ETL_PLUGIN_PATH").value_or(""),
      std::filesystem::read_symlink("/proc/self/exe")));
}

runtime::OpenRequest Session::open_request() const { return open_request(arguments.files.front()); }

runtime::OpenRequest Session::open_request(const std::filesystem::path& file) const {
  runtime::OpenRequest request{file, arguments.set};
  if (!arguments.now.empty()) request.now = moment(arguments.now);
  request.further_checks = [](const runtime::PipelineFile& read, const runtime::Graph* graph,
                              runtime::Diagnostics& diagnostics) {
    static_cast<void>(runtime::read_tests(read, graph, diagnostics));
  };
  return request;
}

bool colour_on(int descriptor) {
  return runtime::environment_variable("NO_COLOR").value_or("").empty() &&
         ::isatty(descriptor) == 1;
}

int report(const Session& session, const runtime::Diagnostics& diagnostics) {
  require_not_stopped(session);
  const std::string text =
      session.log.redactor().conceal(diagnostics.text(colour_on(STDERR_FILENO)));
  std::fputs(text.c_str(), stderr);
  if (session.arguments.format == Format::json) {
    print_json({{"diagnostics", findings(session, diagnostics)}});
  }
  return exit_config;
}

nlohmann::json findings(const Session& session, const runtime::Diagnostics& diagnostics) {
  nlohmann::json list = diagnostics.json();
  for (nlohmann::json& finding : list) {
    for (const char* key : {"message", "hint"}) {
      finding[key] = session.log.redactor().conceal(finding[key].get<std::string>());
    }
  }
  return list;
}

void require_not_stopped(const Session& session) {
  if (session.cancellation.requested()) throw Error::cancelled();
}

void print(const std::string& text) {
  const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!whole || std::fflush(stdout) != 0) {
    throw Error::permanent(std::string("cannot write the result: ") + std::strerror(errno));
  }
}

void print_json(const nlohmann::json& document) {
  print(document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace etl::app
