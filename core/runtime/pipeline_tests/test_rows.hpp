/// \file
/// Rows of a test, from the pipeline file or from a file of their own. Internal to
/// pipeline_tests.cc.
#pragma once

#include "core/runtime/pipeline_tests/pipeline_tests.hpp"

#include <string>

namespace etl::runtime {

/// One row: a table of columns. `what` is whose row it is, for messages. Every column that is not
/// known or does not fit is reported.
[[nodiscard]] PartialRow read_test_row(const RawTable& table, const Schema& schema,
                                       const std::string& what, Diagnostics& diagnostics);

/// Fills in the rows of `rows.file`: JSON, either an array of objects, or what `etl preview
/// --format json` prints.
void read_rows_file(TestRows& rows, const Schema& schema, const std::string& what,
                    Diagnostics& diagnostics);

/// The lines of a file or of a text; an LF at its end does not begin another.
[[nodiscard]] std::vector<std::string> lines_of(std::string_view text);

}  // namespace etl::runtime
