/// \file
/// Where the summary of a run goes: stdout, and the file of `--report`.
#pragma once

#include "core/app/cli/session.hpp"
#include "core/runtime/schedule/summary.hpp"

#include <filesystem>

namespace etl::app {

/// Writes a file completely or not at all, so that readers never see half a report. A path that is
/// not a regular file (a pipe, /dev/stderr) is written to directly.
class RunReport {
 public:
  /// Tries to write to the file, so that a mistake shows before the run and not after it. Throws
  /// Error (config). An empty path means no report.
  explicit RunReport(std::filesystem::path path);
  ~RunReport();
  RunReport(const RunReport&) = delete;
  RunReport& operator=(const RunReport&) = delete;

  /// Logs an error and returns false then.
  [[nodiscard]] bool write(const runtime::Summary& summary, runtime::Log& log) const;
  /// Writes the summary, prints it in the format of the session, and returns the exit code. A
  /// report that cannot be written is logged: data has moved, so the summary on stdout must not be
  /// lost.
  [[nodiscard]] int finish(const Session& session, const runtime::Summary& summary) const;

 private:
  std::filesystem::path path_;
  std::filesystem::path written_;  ///< path_, or a temporary file that replaces it
};

}  // namespace etl::app
