/// \file
/// The check file of `etl check`: how an author wants stages to be checked.
///
/// ```toml
/// [word_files]                               # a stage's name
/// before = "cp -r {here}/data in"            # run by sh in a fresh folder; {here}: this folder
/// after = "dropdb --if-exists {id}"          # cleans up outside that folder
/// dump = "cat out/*"                         # prints the rows that a sink has written
/// scope = "day"                              # the column that names a row's partition
/// [word_files.options]
/// folder = "{scratch}/in"
/// [word_files.columns]                       # columns of the input of a filter or sink
/// word = "utf8"
/// count = "int64 null"                       # may be null
/// [word_files.values]                        # used in turn; other columns get generated values
/// word = ["apple", "banana"]
/// ```
#pragma once

#include "core/runtime/config/option_values.hpp"

#include <etl/testing/conformance/subject.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace etl::app {

/// The settings of one stage.
struct StageSetup {
  runtime::RawTable options;
  runtime::Position position;
  std::vector<conformance::InputColumn> columns;
  std::string before, after, dump;
};

/// Settings by stage name.
using CheckFile = std::map<std::string, StageSetup, std::less<>>;

/// Reads a check file and reports every mistake in it.
[[nodiscard]] CheckFile read_check_file(const std::filesystem::path& file,
                                        runtime::Diagnostics& diagnostics);

/// Converts a stage's options to the form that plugins take, with `{scratch}` and `{id}` replaced.
/// Paths are relative to the context's folder. Throws Error (config) with every mistake.
[[nodiscard]] conformance::GivenOptions given_options(const etl_stage& stage,
                                                      const StageSetup& setup,
                                                      const runtime::OptionContext& context,
                                                      const conformance::Place& place);

}  // namespace etl::app
