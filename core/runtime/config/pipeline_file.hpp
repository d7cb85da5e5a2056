/// \file
/// Reading a pipeline file: interpolation, overrides, and all checks that need no plugin.
#pragma once

#include "core/runtime/base/environment.hpp"
#include "core/runtime/config/diagnostics.hpp"
#include "core/runtime/config/document.hpp"
#include "core/runtime/config/run_settings.hpp"
#include "core/runtime/plugin/stage_kind.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace etl::runtime {

/// The name of a stage in an `input`.
struct Input {
  std::string name;
  Position position;
};

/// A stage as the file describes it. Members with mistakes, which were reported, are empty.
struct StageSpec {
  Kind kind = Kind::source;
  std::string name;
  Position position;               ///< of the name in the table's header
  std::string plugin;              ///< empty if missing or invalid
  Position plugin_position;        ///< the stage's own without `plugin`
  std::vector<Input> inputs;       ///< empty for sources
  Position inputs_position;        ///< of the value of `input`, or the stage's own
  std::vector<RawOption> options;  ///< everything but `plugin` and `input`, interpolated
};

struct PipelineFile {
  std::string path;              ///< as given
  std::filesystem::path folder;  ///< of the file, absolute; the base of relative paths
  std::string name, description;
  Position name_position;
  RunSettings run;
  std::vector<StageSpec> stages;   ///< in the order of the file, each name once
  std::optional<RawOption> tests;  ///< `tests`, not interpolated
};

struct LoadRequest {
  std::filesystem::path path;
  std::vector<std::string> set;  ///< see overrides.hpp
  Environment environment;       ///< empty = environment_variable()
};

/// Reads a pipeline file: parses it, applies --set, expands `${NAME}` in the file's string values,
/// and checks it. Reports every mistake and still returns the rest, so that later checks, such as
/// whether inputs and plugins exist, can report theirs too. Returns nothing for an unreadable file
/// or a syntax error.
[[nodiscard]] std::optional<PipelineFile> load_pipeline(const LoadRequest& request,
                                                        Diagnostics& diagnostics);

/// Does the same for a text in memory; `request.path` is its assumed location.
[[nodiscard]] std::optional<PipelineFile> parse_pipeline(const std::string& text,
                                                         const LoadRequest& request,
                                                         Diagnostics& diagnostics);

}  // namespace etl::runtime
