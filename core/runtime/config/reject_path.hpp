/// \file
/// Where rejects are kept: the setting `run.rejects`.
#pragma once

#include <filesystem>

namespace etl::runtime {

/// The path of run.rejects and how it is used.
struct RejectPath {
  std::filesystem::path path;  ///< without a trailing slash; of a link: its target
  bool folder = false;         ///< holds one file per partition
  /// Interprets `path` from the pipeline file: a folder if it is one or ends in "/".
  [[nodiscard]] static RejectPath of(const std::filesystem::path& path);
  /// The folder that holds the spool folders of all runs.
  [[nodiscard]] std::filesystem::path spools() const;
};

}  // namespace etl::runtime
