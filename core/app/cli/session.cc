#include "core/app/cli/session.hpp"

#include "core/runtime/base/environment.hpp"
#include "core/runtime/base/terminal.hpp"
#include "core/runtime/pipeline_tests/pipeline_tests.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace etl::app {

bool colour_on(int descriptor) {
  return runtime::environment_variable("NO_COLOR").value_or("").empty() &&
         runtime::on_terminal(descriptor);
}

bool print(const std::string& text) {
  const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (whole && std::fflush(stdout) == 0) return true;
  if (errno == EPIPE) return false;
  throw Error::permanent(std::string("cannot write the result: ") + std::strerror(errno));
}

void print_json(const nlohmann::json& document) {
  print(document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

OpenedPipeline::OpenedPipeline(const Session& session, const runtime::OpenRequest& request)
    : registry_(session.registry()),
      diagnostics_(std::make_shared<runtime::Diagnostics>()),
      pipeline_(runtime::open_pipeline(request, registry_, session.cancellation, session.log,
                                       *diagnostics_)) {
  if (pipeline_ == nullptr) throw InvalidPipeline(diagnostics_);
}

runtime::Preflight OpenedPipeline::run_preflight(bool reload) const {
  runtime::Preflight preflight = runtime::run_preflight(*pipeline_, reload, *diagnostics_);
  if (diagnostics_->failed()) throw InvalidPipeline(diagnostics_);
  return preflight;
}

runtime::StageRegistry Session::registry() const {
  return runtime::StageRegistry::scan(runtime::SearchPath::from(
      options.plugin_dirs, runtime::environment_variable("ETL_PLUGIN_PATH").value_or(""),
      runtime::executable_path()));
}

runtime::OpenRequest Session::open_request(const std::filesystem::path& file) const {
  runtime::OpenRequest request{file, options.overrides()};
  if (!options.now.empty())
    request.now = std::get<runtime::DateTime>(*runtime::parse_value(options.now, {})).time;
  request.further_checks = [](const runtime::PipelineFile& read, const runtime::Graph* graph,
                              runtime::Diagnostics& diagnostics) {
    static_cast<void>(runtime::read_tests(read, graph, diagnostics));
  };
  return request;
}

OpenedPipeline Session::open(const std::filesystem::path& file) const {
  return {*this, open_request(file)};
}

OpenedPipeline Session::open_to_look(const std::filesystem::path& file) const {
  runtime::OpenRequest request = open_request(file);
  request.reads = false;
  return {*this, request};
}

std::string Session::conceal(const std::string& text) const { return log.redactor().conceal(text); }

std::string Session::diagnostics_text(const runtime::Diagnostics& diagnostics) const {
  return conceal(diagnostics.text(colour_on(STDERR_FILENO)));
}

nlohmann::json Session::diagnostics_json(const runtime::Diagnostics& diagnostics) const {
  nlohmann::json list = diagnostics.json();
  for (nlohmann::json& finding : list) {
    for (const char* key : {"message", "hint"})
      finding[key] = conceal(finding[key].get<std::string>());
  }
  return list;
}

void Session::show_diagnostics(const nlohmann::json& list, const std::string& text) const {
  std::string lines = log.json() ? "" : text;
  for (std::size_t i = 0; log.json() && i < list.size(); ++i) {
    nlohmann::json line = list[i];
    line["time_ms"] = runtime::now_us() / 1000;
    line["level"] = line["severity"];
    line.erase("severity");
    lines += line.dump() + "\n";
  }
  std::fputs(lines.c_str(), stderr);
}

void Session::require_not_stopped() const {
  if (cancellation.requested()) throw Error::cancelled();
}

}  // namespace etl::app
