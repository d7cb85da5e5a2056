/// \file
/// Reading the rows of a test from the pipeline file or a separate file. Internal to this room.
#pragma once

#include "core/runtime/pipeline_tests/pipeline_tests.hpp"

#include <string>

namespace etl::runtime {

/// Reads one row from a table of columns. Reports every unknown column and every value of the wrong
/// type; `what` names the stage in messages.
[[nodiscard]] PartialRow read_test_row(const RawTable& table, const Schema& schema,
                                       const std::string& what, Diagnostics& diagnostics);

/// Reads `rows.file` into `rows`: JSON, either an array of objects or the output of `etl preview
/// --format json`.
void read_rows_file(TestRows& rows, const Schema& schema, const std::string& what,
                    Diagnostics& diagnostics);

/// The lines of a text; a final LF does not start another.
[[nodiscard]] std::vector<std::string> lines_of(std::string_view text);

}  // namespace etl::runtime
