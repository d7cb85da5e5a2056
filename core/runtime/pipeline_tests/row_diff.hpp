/// \file
/// The differences between the rows that a test expects and those it got.
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

/// One step of a comparison: a pair of rows, equal or not, or one row that is missing or extra.
struct RowStep {
  std::optional<std::size_t> expected, got;
  bool equal = false;
};

/// Whether the row has every value of the expected one.
[[nodiscard]] bool fits(const PartialRow& expected, const Row& got);

/// Aligns two lists so that as many rows as possible are equal; rows between equal ones are paired
/// in order. Large lists that differ widely are paired in order entirely.
[[nodiscard]] std::vector<RowStep> align(std::span<const PartialRow> expected,
                                         std::span<const Row> got);

/// A comparison, formatted.
struct RowDiff {
  std::string summary;  ///< "row 2 differs, row 3 is missing"; empty if equal
  std::string table;    ///< the rows around each difference, `-` expected, `+` got
  nlohmann::json differences = nlohmann::json::array();  ///< the same for programs
};

/// Compares rows in order.
[[nodiscard]] RowDiff compare_rows(const TestRows& expected, std::span<const Row> got,
                                   const Schema& schema);

/// Compares each row with the single expected one.
[[nodiscard]] RowDiff compare_every(const TestRows& expected, std::span<const Row> got,
                                    const Schema& schema);

}  // namespace etl::runtime
