/// \file
/// The verbs. Each prints its result on stdout, logs on stderr, and returns the exit code.
#pragma once

#include "core/app/cli/arguments.hpp"
#include "core/runtime/base/cancellation.hpp"
#include "core/runtime/base/log.hpp"
#include "core/runtime/config/diagnostics.hpp"
#include "core/runtime/pipeline/pipeline.hpp"
#include "core/runtime/plugin/stage_registry.hpp"

#include <nlohmann/json.hpp>

#include <memory>

namespace etl::app {

/// What every verb is given.
struct Session {
  const Arguments& arguments;
  runtime::Log& log;
  runtime::Cancellation& cancellation;

  /// The stages of the search path of this command line.
  [[nodiscard]] runtime::StageRegistry registry() const;
  /// The pipeline file of this command line, with its --set and --now. Opening it checks its tests
  /// too.
  [[nodiscard]] runtime::OpenRequest open_request() const;
  /// The same for another file.
  [[nodiscard]] runtime::OpenRequest open_request(const std::filesystem::path& file) const;
};

int run(const Session& session);
int submit(const Session& session);
int status(const Session& session);
int plan(const Session& session);
int validate(const Session& session);
int merge(const Session& session);
int state(const Session& session);
int preview(const Session& session);
int graph(const Session& session);
int plugins(const Session& session);
int describe(const Session& session);
int check(const Session& session);
int doctor(const Session& session);
int schema(const Session& session);
int test(const Session& session);
int new_plugin(const Session& session);
int new_pipeline(const Session& session);
int rejects(const Session& session);

/// Whether colour is wanted on this stream (1 or 2): a terminal, and no $NO_COLOR
/// (https://no-color.org).
bool colour_on(int descriptor);

/// Prints what is wrong with a pipeline file: text on stderr, or JSON on stdout. Returns
/// exit_config. Throws Error (cancelled) when the run was to stop: then that is why.
int report(const Session& session, const runtime::Diagnostics& diagnostics);

/// The findings as JSON, with secrets concealed.
nlohmann::json findings(const Session& session, const runtime::Diagnostics& diagnostics);

/// Throws Error (cancelled) once the run is to stop: half a result is none.
void require_not_stopped(const Session& session);

/// The result, on stdout. Throws Error (permanent) when it cannot be written.
void print(const std::string& text);
/// One JSON document on stdout; invalid UTF-8 is replaced. Throws as print().
void print_json(const nlohmann::json& document);

}  // namespace etl::app
