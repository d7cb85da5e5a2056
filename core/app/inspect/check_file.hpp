/// \file
/// What an author says of stages to be checked: the check file of `etl check`, and its --set.
///
/// ```toml
/// [word_files]                               # a stage's name
/// before = "cp -r {here}/data in"            # run by sh in a fresh folder; {here}: of this file
/// after = "dropdb --if-exists {id}"          # tidies up outside of it
/// dump = "cat out/*"                         # shows the rows that a sink has written
/// scope = "day"                              # the column that says whose row it is
/// [word_files.options]
/// folder = "{scratch}/in"
/// [word_files.columns]                       # what a filter or sink is given
/// word = "utf8"
/// count = "int64 null"                       # may be null
/// [word_files.values]                        # taken in turn; other columns get the kit's
/// word = ["apple", "banana"]
/// ```
#pragma once

#include "core/runtime/config/option_values.hpp"

#include <etl/testing/conformance/subject.hpp>

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace etl::app {

/// What is said of one stage.
struct StageSetup {
  runtime::RawTable options;
  runtime::Position position;
  std::vector<conformance::InputColumn> columns;
  std::string before, after, dump;
};

/// By the stages' names.
using CheckFile = std::map<std::string, StageSetup, std::less<>>;

/// Reads a check file. Reports every mistake in it.
[[nodiscard]] CheckFile read_check_file(const std::filesystem::path& file,
                                        runtime::Diagnostics& diagnostics);

/// A stage's options in the form of a plugin, with `{scratch}` and `{id}` replaced. Paths are
/// relative to `folder`. Throws Error (config) with all that is wrong.
[[nodiscard]] conformance::GivenOptions given_options(const etl_stage& stage,
                                                      const StageSetup& setup,
                                                      const runtime::OptionContext& context,
                                                      const conformance::Place& place);

}  // namespace etl::app
