/// \file
/// The verbs. Each prints its result on stdout, logs on stderr, and returns the exit code.
#pragma once

#include "core/app/arguments.hpp"
#include "core/runtime/cancellation.hpp"
#include "core/runtime/diagnostics.hpp"
#include "core/runtime/log.hpp"
#include "core/runtime/pipeline.hpp"
#include "core/runtime/stage_registry.hpp"

#include <memory>
#include <nlohmann/json.hpp>

namespace etl::app {

/// What every verb is given.
struct Session {
  const Arguments& arguments;
  runtime::Log& log;
  runtime::Cancellation& cancellation;

  /// The stages of the search path of this command line.
  [[nodiscard]] runtime::StageRegistry registry() const;
};

int run(const Session& session);
int plan(const Session& session);
int validate(const Session& session);
int preview(const Session& session);
int plugins(const Session& session);
int describe(const Session& session);

/// Whether colour is wanted on this stream (1 or 2): a terminal, and no $NO_COLOR
/// (https://no-color.org).
bool colour_on(int descriptor);

/// Prints what is wrong with a pipeline file: text on stderr, or JSON on stdout. Returns
/// exit_config.
int report(const Session& session, const runtime::Diagnostics& diagnostics);

/// JSON on stdout, one document; invalid UTF-8 is replaced.
void print_json(const nlohmann::json& document);

}  // namespace etl::app
