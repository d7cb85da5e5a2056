/// \file
/// Parses the command line of `etl`. CLI11 is included by command_line.cc alone.
#pragma once

#include "core/app/cli/verb.hpp"

namespace etl::app {

struct ParsedCommandLine {
  Verb* verb = nullptr;     ///< the verb to run, with its options filled in
  int exit_code = exit_ok;  ///< without a verb: help was printed, or a usage error
};

/// Prints help and usage errors; the latter also as JSON where `--format json` was given.
ParsedCommandLine parse_command_line(const VerbList& verbs, int argc, char** argv);

}  // namespace etl::app
