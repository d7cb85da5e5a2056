/// \file
/// What differs between the rows that a test expects and those that came.
#pragma once

#include "core/runtime/pipeline_tests/pipeline_tests.hpp"
#include "core/runtime/pipeline_tests/row_values.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace etl::runtime {

/// One row of the comparison, in order. Both: a pair, equal or not; one: missing or too many.
struct RowStep {
  std::optional<std::size_t> expected, got;
  bool equal = false;
};

/// Whether the row has every value that the expected one says.
[[nodiscard]] bool fits(const PartialRow& expected, const Row& got);

/// Lines up two lists so that as many rows as possible are equal; what lies between two equal rows
/// is paired in order. Large lists that differ widely are paired in order altogether.
[[nodiscard]] std::vector<RowStep> line_up(std::span<const PartialRow> expected,
                                           std::span<const Row> got);

struct RowDiff {
  std::string summary;  ///< "row 2 differs, row 3 is missing"; empty when there is none
  std::string table;    ///< the rows around each difference, `-` expected and `+` came
  nlohmann::json differences = nlohmann::json::array();  ///< the same for programs
};

[[nodiscard]] RowDiff compare_rows(const TestRows& expected, std::span<const Row> got,
                                   const Schema& schema);

/// The same for rows of which each is to be like the one that is expected.
[[nodiscard]] RowDiff compare_every(const TestRows& expected, std::span<const Row> got,
                                    const Schema& schema);

}  // namespace etl::runtime
