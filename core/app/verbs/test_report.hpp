/// \file
/// What a row of tests found, for people and for the machines that gather tests (`--junit`).
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace etl::app {

struct TestResult {
  enum class Status { passed, failed, skipped };
  std::string suite;  ///< what was tested: a stage, a file
  std::string name;
  Status status = Status::passed;
  std::string message;  ///< why it failed or was skipped; may have several lines
  std::chrono::nanoseconds took{};
};

/// One line a test, the message of what did not pass below it, and a line that sums up.
/// `colour`: with terminal colours.
[[nodiscard]] std::string to_text(const std::vector<TestResult>& results, bool colour);

/// Writes a JUnit XML report as gatherers of CI systems read it (`testsuites` / `testsuite` /
/// `testcase`), suites in the order of their first result. What XML 1.0 cannot hold is replaced.
/// Throws Error (permanent) when the file cannot be written.
void write_junit(const std::filesystem::path& file, const std::string& name,
                 const std::vector<TestResult>& results);

/// Whether none failed.
[[nodiscard]] bool all_passed(const std::vector<TestResult>& results);

}  // namespace etl::app
