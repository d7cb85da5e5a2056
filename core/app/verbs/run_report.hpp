/// \file
/// `etl run --report FILE`: the summary as a file.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <filesystem>

namespace etl::app {

/// A file that is there whole or not at all: a reader never sees half a report. What is no regular
/// file (a pipe, /dev/stderr) is written to as it is.
class RunReport {
 public:
  /// Tries whether it can be written, so that nobody learns only after the run that it cannot:
  /// throws Error (config). An empty path is no report.
  explicit RunReport(std::filesystem::path path);
  ~RunReport();
  RunReport(const RunReport&) = delete;
  RunReport& operator=(const RunReport&) = delete;

  /// Throws Error (permanent).
  void write(const nlohmann::json& summary) const;

 private:
  std::filesystem::path path_;
  std::filesystem::path written_;  ///< what is written to: path_, or a file that takes its place
};

}  // namespace etl::app
