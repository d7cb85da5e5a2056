/// \file
/// Where a pipeline file says that rejects are kept: `run.rejects`.
#pragma once

#include <filesystem>

namespace etl::runtime {

/// The path of run.rejects, and what it means.
struct RejectPath {
  std::filesystem::path path;  ///< without a slash at its end
  bool folder = false;         ///< one file a partition
  /// `path` as the pipeline file gives it: a folder if it is one, or ends in "/".
  [[nodiscard]] static RejectPath of(const std::filesystem::path& path);
  /// The folder of the spools of all runs.
  [[nodiscard]] std::filesystem::path spools() const;
};

}  // namespace etl::runtime
