/// \file
/// Reports test results to people and to CI systems (`--junit`).
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace etl::app {

struct TestResult {
  enum class Status { passed, failed, skipped };
  std::string suite;  ///< the stage or file that was tested
  std::string name;
  Status status = Status::passed;
  std::string message;  ///< why it failed or was skipped; may have several lines
  std::chrono::nanoseconds took{};
};

/// Formats one line per test, with the message below it unless it passed, and a line of totals.
[[nodiscard]] std::string to_text(const std::vector<TestResult>& results, bool colour);

/// Writes a JUnit XML report as CI systems read it (`testsuites` / `testsuite` / `testcase`),
/// suites in the order of their first result. Replaces characters that XML 1.0 does not allow. Throws
/// Error (permanent) if the file cannot be written.
void write_junit(const std::filesystem::path& file, const std::string& name,
                 const std::vector<TestResult>& results);

/// Whether none failed.
[[nodiscard]] bool all_passed(const std::vector<TestResult>& results);

}  // namespace etl::app
