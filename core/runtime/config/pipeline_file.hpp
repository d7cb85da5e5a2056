/// \file
/// A pipeline file: read, interpolated, overridden and checked as far as that needs no plugin.
#pragma once

#include "core/runtime/config/diagnostics.hpp"
#include "core/runtime/config/document.hpp"
#include "core/runtime/config/interpolate.hpp"
#include "core/runtime/config/run_settings.hpp"
#include "core/runtime/plugin/stage_kind.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// A stage that another one reads from, as the file names it.
struct Input {
  std::string name;
  Position position;
};

/// A stage as the file describes it. What was reported as wrong is left empty.
struct StageSpec {
  Kind kind = Kind::source;
  std::string name;
  Position position;               ///< of the name in the table's header
  std::string plugin;              ///< empty where that was reported
  Position plugin_position;        ///< the stage's own where there is no `plugin`
  std::vector<Input> inputs;       ///< empty for sources
  Position inputs_position;        ///< of the value of `input`; the stage's own where there is none
  std::vector<RawOption> options;  ///< everything but `plugin` and `input`, interpolated
};

struct PipelineFile {
  std::string path;              ///< as it was given
  std::filesystem::path folder;  ///< where it lies, absolute: what relative paths are relative to
  std::string name, description;
  Position name_position;
  RunSettings run;
  std::vector<StageSpec> stages;   ///< in the order of the file, each name once
  std::optional<RawOption> tests;  ///< `tests` as it stands: no variables are put in
};

struct LoadRequest {
  std::filesystem::path path;
  std::vector<std::string> set;  ///< see overrides.hpp
  Environment environment;       ///< none = that of the process
};

/// Reads a pipeline file. Reports every mistake; what is found is given nevertheless, so that later
/// checks can add theirs. Nothing only where nothing useful could be read: an unreadable file or a
/// syntax error. Whether inputs exist and plugins are known is for later checks.
///
/// Order: parse, apply --set, expand `${NAME}` in the file's own string values, check.
[[nodiscard]] std::optional<PipelineFile> load_pipeline(const LoadRequest& request,
                                                        Diagnostics& diagnostics);

/// The same for a text that has been read already; `request.path` says where it would lie.
[[nodiscard]] std::optional<PipelineFile> parse_pipeline(const std::string& text,
                                                         const LoadRequest& request,
                                                         Diagnostics& diagnostics);

}  // namespace etl::runtime
